"""Jobs in the answers of the tools run-task and task-status."""

from dataclasses import dataclass, field
from typing import Any

from runr.errors import UsageError
from runr.jobs import control, files, journal, views
from runr.jobs.views import JobRunDetails
from runr.project import Project
from runr.query.detail_models import RunDetails, RunResult, TaskDetails, TaskFields
from runr.query.encoding import to_sparse
from runr.query.models import Result

#: As many tasks that are not completed are named.
_OPEN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTask:
    """A task of a job that is not completed."""

    path: str
    status: str
    reason: str | None = None
    run_id: str | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer(Result):
    """A task with its current or last run, or a job with its last job run."""

    task: TaskFields | None = None
    run: RunDetails | None = None
    commits: list[str] = field(default_factory=list)
    job: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAnswer(Result):
    """The run of a task, with the brief of a session that does the work itself, or a job run."""

    run: RunDetails | None = None
    brief: str | None = None
    job: dict[str, Any] | None = None


def of_task(found: TaskDetails) -> StatusAnswer:
    """Return the answer about a task."""
    return StatusAnswer(
        task=found.task, run=found.run, commits=found.commits, next_steps=found.next_steps
    )


def of_run(answer: RunResult) -> RunAnswer:
    """Return the answer about a run."""
    return RunAnswer(run=answer.run, brief=answer.brief, next_steps=answer.next_steps)


def only_one(task: str | None, job: str | None) -> None:
    """Raise UsageError unless either a task or a job is named."""
    if (task is None) is (job is None):
        raise UsageError("name a task or a job: pass one of `task` and `job`")


def status(project: Project, wanted: str) -> StatusAnswer:
    """Return the latest job run of a job, or the one with this id."""
    found = views.details(project, journal.find(project.layout, wanted))
    return StatusAnswer(job=_progress(found), next_steps=found.next_steps)


def run(project: Project, name: str, wait_s: int) -> RunAnswer:
    """Start a job, and wait for its end as long as that."""
    found = control.start_job(project, files.find(project, name))
    if wait_s:
        found = control.wait_for_job(project, found.id, wait_s)
    return RunAnswer(job=_progress(found), next_steps=found.next_steps)


def _progress(found: JobRunDetails) -> dict[str, Any]:
    """Return a job run without a schema, for which every session would pay."""
    left = [task for task in found.tasks if task.status != "completed"][:_OPEN]
    progress = JobProgress(
        id=found.id,
        job=found.job,
        status=found.status,
        reason=found.reason,
        branch=found.branch,
        counts=found.counts,
        waits_until=found.waits_until,
        open_tasks=[
            JobTask(path=each.path, status=each.status, reason=each.reason, run_id=each.run_id)
            for each in left
        ],
    )
    shown: dict[str, Any] = to_sparse(progress)
    return shown
