"""The jobs that run or wait now, and the last one that does not any more.

Every status asks: what reads job runs is loaded only where there are some.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from runr import nofollow
from runr.errors import DamagedStateError
from runr.next_steps import commands
from runr.next_steps.step import Line
from runr.project import Project
from runr.storage.files import is_held

if TYPE_CHECKING:
    from runr.jobs.state import JobState

#: What a running job does itself, or does without: no one else need start it.
_HELD = ("waiting", "starting", "running")
#: As many of the latest job runs may be the one that has ended last.
_LOOKED_AT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentJob:
    """A job run in short; `status` is `running`, `interrupted`, or how it ended.

    `counts` has its tasks by status, `waits_until` when parked accounts can be used again, and
    `next_step` shows the job run or its receipt, or resumes it.
    """

    id: str
    job: str
    status: str
    counts: dict[str, int] = field(default_factory=dict)
    reason: str | None = None
    ended_at: str | None = None
    waits_until: dict[str, str] = field(default_factory=dict)
    next_step: Line | None = None


def running(project: Project) -> list[RecentJob]:
    """Return the jobs whose process is alive, the latest first."""
    return [_short(project, state) for state in _running(project)]


def held_tasks(project: Project) -> set[str]:
    """Return the tasks that a running job works on, or is to start itself."""
    return {
        each.task for state in _running(project) for each in state.tasks if each.status in _HELD
    }


def last(project: Project, since: datetime) -> RecentJob | None:
    """Return the job run that ended, or was interrupted, last, if it was there after `since`."""
    found: list[JobState] = []
    for name in _ids(project)[-_LOOKED_AT:]:
        from runr.jobs import journal, views  # noqa: PLC0415 - see above

        files = project.layout.job_run(name)
        with suppress(DamagedStateError, OSError):
            state = journal.state(files)
            if state is None or views.status_of(state, files) == "running":
                continue
            if datetime.fromisoformat(state.updated_at) >= since:
                found.append(state)
    return _short(project, max(found, key=lambda each: each.updated_at)) if found else None


def _ids(project: Project) -> list[str]:
    if not nofollow.exists(project.layout.job_runs):
        return []
    from runr.jobs import journal  # noqa: PLC0415 - see above

    return journal.ids(project.layout)


def _running(project: Project) -> "Iterator[JobState]":
    for name in reversed(_ids(project)):
        from runr.jobs import journal  # noqa: PLC0415 - see above

        files = project.layout.job_run(name)
        if is_held(files.lock):
            with suppress(DamagedStateError, OSError):
                state = journal.state(files)
                if state is not None and state.result is None:
                    yield state


def _short(project: Project, state: "JobState") -> RecentJob:
    from runr.jobs import views  # noqa: PLC0415 - see above

    status = views.status_of(state, project.layout.job_run(state.id))
    steps = {"running": commands.job_status, "interrupted": commands.job_resume}
    return RecentJob(
        id=state.id,
        job=state.name,
        status=status,
        counts=views.count(state),
        reason=state.reason or None,
        ended_at=state.ended_at,
        waits_until=views.waits_until(state, project.now()) if status == "running" else {},
        next_step=project.surface.line(steps.get(status, commands.job_receipt)(state.id)),
    )
