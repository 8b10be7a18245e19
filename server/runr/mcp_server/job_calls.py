"""Jobs in the answers of the tools run-task and task-status."""

from dataclasses import dataclass, field
from typing import Any

from runr.jobs.views import JobRunDetails
from runr.query.encoding import to_sparse

#: As many tasks that are not completed are named.
_OPEN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTask:
    """A task of a job that is not completed, or of which that is not true any more: see `now`."""

    path: str
    status: str
    reason: str | None = None
    run_id: str | None = None
    now: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """A job run: its tasks by status, and the first of those that are not completed."""

    id: str
    job: str
    status: str
    reason: str | None = None
    branch: str
    counts: dict[str, int] = field(default_factory=dict)
    waits_until: dict[str, str] = field(default_factory=dict)
    open_tasks: list[JobTask] = field(default_factory=list)


def progress(found: JobRunDetails) -> dict[str, Any]:
    """Return a job run, with the first of its tasks that are not completed."""
    left = [task for task in found.tasks if task.status != "completed" or task.now][:_OPEN]
    shown = JobProgress(
        id=found.id,
        job=found.job,
        status=found.status,
        reason=found.reason,
        branch=found.branch,
        counts=found.counts,
        waits_until=found.waits_until,
        open_tasks=[
            JobTask(
                path=each.path,
                status=each.status,
                reason=each.reason,
                run_id=each.run_id,
                now=each.now,
            )
            for each in left
        ],
    )
    content: dict[str, Any] = to_sparse(shown)
    return content
