"""What comes next: the firings of jobs with the states of their tasks, then ready tasks."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from runr.clock import format_utc
from runr.errors import UsageError
from runr.jobs import expansion, problems, recent, scheduler
from runr.jobs.model import Job
from runr.jobs.problems import JobProblem
from runr.jobs.recent import RecentJob
from runr.next_steps import commands
from runr.next_steps.tasks import land_waiting
from runr.project import Project
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.text import parse_duration

#: As many firings of one job are listed at most.
MOST_FIRINGS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class UpcomingFiring:
    """When a job fires, in UTC; `counts` has its tasks by their state now.

    `error` says why it will not start.
    """

    job: str
    at: str
    schedule: str
    counts: dict[str, int] = field(default_factory=dict)
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming(Result):
    """The next firing of each job, or all up to a time, and the tasks that are ready now.

    `running` are the jobs that run; what they are to start themselves is not among the ready tasks.
    `left_off` are the jobs with more firings than are listed, each with the time of the last one
    that is. `problems` are jobs that cannot be used. `next_at` is the first firing, where that is
    later than was asked for. `landing_paths` are tasks whose verified work waits to land.
    """

    firings: list[UpcomingFiring]
    left_off: dict[str, str] = field(default_factory=dict)
    problems: list[JobProblem] = field(default_factory=list)
    ready_paths: list[str]
    running: list[RecentJob] = field(default_factory=list)
    landing_paths: list[str] = field(default_factory=list)
    next_at: str | None = None


def upcoming(project: Project, until: str | None = None) -> Upcoming:
    """Return what comes next; `until` is how long from now, `2d`, or a day, `2025-01-08`."""
    now = project.clock()
    end = _end(until, now) if until else None
    snapshot = Snapshot.of(project)
    wrong = problems.find(project)
    of_job = {each.job: each for each in wrong}
    found: list[UpcomingFiring] = []
    left_off: dict[str, str] = {}
    for job in scheduler.scheduled(project):
        times, following = _times(job, now, end)
        why = of_job.get(job.name)
        found += _firings(project, job, snapshot, times, why)
        if following is not None:
            left_off[job.name] = times[-1]
    held = recent.held_tasks(project)
    states = snapshot.task_states().values()
    ready = snapshot.ranked(each for each in states if each.ready and each.path not in held)
    landing = snapshot.ranked(each for each in states if each.lands)
    land = land_waiting([each.entry.last_run_id or "" for each in landing])
    return Upcoming(
        firings=sorted(found, key=lambda each: (each.at, each.job)),
        left_off=left_off,
        problems=wrong,
        ready_paths=[each.path for each in ready],
        running=recent.running(project),
        landing_paths=[each.path for each in landing],
        next_at=None if found else _next(project, now),
        next_steps=project.surface.lines([*land, commands.list_jobs()]),
    )


def _next(project: Project, now: datetime) -> str | None:
    times = [at for job in scheduler.scheduled(project) if (at := scheduler.next_firing(job, now))]
    return format_utc(min(times)) if times else None


def _firings(
    project: Project, job: Job, snapshot: Snapshot, times: list[str], problem: JobProblem | None
) -> list[UpcomingFiring]:
    counts: dict[str, int] = {}
    if problem is None:
        items = expansion.expand(project, job, snapshot).work.items
        states = snapshot.task_states()
        counts = dict(Counter(states[item.task].display_status for item in items))
    return [
        UpcomingFiring(
            job=job.name,
            at=at,
            schedule=job.schedule or "",
            counts=counts,
            error=problem.message if problem else None,
        )
        for at in times
    ]


def _times(job: Job, now: datetime, end: datetime | None) -> tuple[list[str], datetime | None]:
    """Return when a job fires, and the first firing that is left off, if there is one."""
    times: list[str] = []
    at = scheduler.next_firing(job, now)
    while at is not None and (not times if end is None else at <= end):
        if len(times) == MOST_FIRINGS:
            return times, at
        times.append(format_utc(at))
        at = scheduler.next_firing(job, at)
    return times, None


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
