"""What comes next: the firings of jobs with the states of their tasks, then ready tasks."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from runr.clock import format_utc
from runr.errors import RunrError, UsageError
from runr.jobs import expansion, scheduler
from runr.jobs.model import Job
from runr.next_steps import commands
from runr.project import Project
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.text import parse_duration

#: As many firings of one job are listed.
_MOST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingFiring:
    """When a job fires, in UTC; `counts` has its tasks by their state now."""

    job: str
    at: str
    schedule: str
    counts: dict[str, int] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming(Result):
    """The next firing of each job, or all up to a time, and the tasks that are ready now."""

    firings: list[UpcomingFiring]
    ready_paths: list[str]


def upcoming(project: Project, until: str | None = None) -> Upcoming:
    """Return what comes next; `until` is how long from now, `2d`, or a day, `2025-01-08`."""
    now = project.clock()
    end = _end(until, now) if until else None
    snapshot = Snapshot.of(project)
    jobs = scheduler.scheduled(project)
    found = [each for job in jobs for each in _firings(project, job, snapshot, now, end)]
    ready = snapshot.ranked(each for each in snapshot.task_states().values() if each.ready)
    return Upcoming(
        firings=sorted(found, key=lambda each: (each.at, each.job)),
        ready_paths=[each.path for each in ready],
        next_steps=project.surface.lines([commands.list_jobs()]),
    )


def _firings(
    project: Project, job: Job, snapshot: Snapshot, now: datetime, end: datetime | None
) -> list[UpcomingFiring]:
    counts: dict[str, int] = {}
    error = None
    try:
        items = expansion.expand(project, job, snapshot).work.items
        states = snapshot.task_states()
        counts = dict(Counter(states[item.task].display_status for item in items))
    except RunrError as problem:
        error = problem.message
    found: list[UpcomingFiring] = []
    at = scheduler.next_firing(job, now)
    while at is not None and len(found) < _MOST and (end is None or at <= end):
        found.append(
            UpcomingFiring(
                job=job.name,
                at=format_utc(at),
                schedule=job.schedule or "",
                counts=counts,
                error=error,
            )
        )
        at = scheduler.next_firing(job, at) if end is not None else None
    return found


def _end(text: str, now: datetime) -> datetime:
    try:
        return now + timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        pass
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--until cannot be {text!r}: write how long from now (12h, 2d) or a day (2025-01-08)"
        ) from None
    return read if read.tzinfo else read.astimezone()
