"""Start jobs when their schedules say so: each firing at most once, however many schedulers run."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from runr import nofollow
from runr.clock import format_utc
from runr.errors import RunrError
from runr.execution import process
from runr.jobs import control, expansion, files, journal, problems, schedules, service_unit
from runr.jobs.model import Job
from runr.jobs.problems import JobProblem
from runr.jobs.schedules import Firing
from runr.jobs.service_unit import Manager
from runr.next_steps import commands
from runr.project import Project
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.storage import files as storage

#: The longest sleep: job files may change, and the clock may, too.
_SLEEP_S = 30.0
#: A clock that goes back by more than this was wrong before.
_WRONG = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiredJob:
    """A firing, and what became of it: `job_run_id`, or in `skipped` why nothing was started.

    Neither of something that would start, and did not as only that was asked for.
    """

    job: str
    at: str
    job_run_id: str | None = None
    skipped: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Firings(Result):
    """What was due, and when the next job fires; None where no job has a schedule.

    `problems` are jobs that cannot be used, whether they have a schedule or not.
    """

    fired: list[FiredJob] = field(default_factory=list)
    next_at: str | None = None
    problems: list[JobProblem] = field(default_factory=list)


def zone_of(job: Job) -> tzinfo:
    """Return the time zone of a job's schedule, by default that of this machine."""
    if job.time_zone:
        return ZoneInfo(job.time_zone)
    here = datetime.now().astimezone().tzinfo
    with suppress(OSError, ValueError):
        # A zone with its summer time, where the machine says which it is.
        link = str(Path("/etc/localtime").resolve())
        return ZoneInfo(link.partition("zoneinfo/")[2])
    return here or UTC


def scheduled(project: Project) -> list[Job]:
    """Return the jobs that have a schedule, those with a broken file left out."""
    found = (each.job for each in files.scan(project.layout))
    return [job for job in found if job is not None and job.schedule is not None]


def fire(project: Project) -> Firings:
    """Start every job that is due now, and return when the next one is."""
    project.refuse_inside("a run does not start jobs")
    now = project.clock()
    return _firings(
        project, now, [each for job in scheduled(project) for each in _fire(project, job, now)]
    )


def due(project: Project) -> Firings:
    """Return what would start now, and when the next job fires, and start nothing."""
    now = project.clock()
    known = _read(project.layout.job_firings)
    found = []
    for job in scheduled(project):
        firing = _due(job, known.get(job.name), now)
        if firing is not None:
            found.append(
                _kept_from(project, job, firing) or FiredJob(job=job.name, at=format_utc(firing.at))
            )
    return _firings(project, now, found)


def _firings(project: Project, now: datetime, fired: list[FiredJob]) -> Firings:
    following = [at for job in scheduled(project) if (at := next_firing(job, now))]
    return Firings(
        fired=fired,
        next_at=format_utc(min(following)) if following else None,
        problems=problems.find(project),
        next_steps=project.surface.lines(
            [commands.job_status(each.job_run_id) for each in fired if each.job_run_id]
        ),
    )


def next_firing(job: Job, after: datetime) -> datetime | None:
    """Return when a job fires next."""
    if job.schedule is None:
        return None
    return schedules.next_after(schedules.parse(job.schedule), after, zone_of(job))


def _fire(project: Project, job: Job, now: datetime) -> Iterator[FiredJob]:
    firing = _claimed(project, job, now)
    if firing is None:
        return
    if kept := _kept_from(project, job, firing):
        yield kept
        return
    at = format_utc(firing.at)
    try:
        started = control.start_job(project, problems.find_job(project, job.name))
    except RunrError as error:
        yield FiredJob(job=job.name, at=at, skipped=error.message)
    else:
        yield FiredJob(job=job.name, at=at, job_run_id=started.id)


def _kept_from(project: Project, job: Job, firing: Firing) -> FiredJob | None:
    """Return a firing that starts nothing, with the reason."""
    why = None
    if not firing.starts:
        why = "missed, and its policy is skip"
    elif running := _running(project, job):
        why = f"its job run {running} has not ended"
    elif paused := _paused(project, job):
        why = f"its job run {paused} is paused, and no task can start without a person"
    return FiredJob(job=job.name, at=format_utc(firing.at), skipped=why) if why else None


def _claimed(project: Project, job: Job, now: datetime) -> Firing | None:
    """Return the firing that is due, which no other scheduler gets then.

    It is written down before the job starts: what is lost in between is lost, never repeated.
    A job that is seen for the first time has fired up to now.
    """
    place = project.layout.job_firings
    with storage.locked(project.layout.job_firings_lock):
        known = _read(place)
        last = known.get(job.name)
        firing = _due(job, last, now)
        if _is_new(last, now) or firing is not None:
            known[job.name] = format_utc(firing.at if firing else now)
            storage.replace(place, json.dumps(known, indent=1, sort_keys=True).encode() + b"\n")
    return firing


def _is_new(last: str | None, now: datetime) -> bool:
    """Tell whether a job has no firing yet, or one from when the clock was wrong."""
    return last is None or datetime.fromisoformat(last) > now + _WRONG


def _due(job: Job, last: str | None, now: datetime) -> Firing | None:
    if last is None or _is_new(last, now):
        return None
    schedule, before = schedules.parse(job.schedule or ""), datetime.fromisoformat(last)
    return schedules.due(schedule, before, now, zone_of(job), job.missed)


def _read(place: Path) -> dict[str, str]:
    try:
        known = json.loads(nofollow.read(place))
    except (OSError, ValueError):
        return {}
    return {str(name): str(at) for name, at in known.items()} if isinstance(known, dict) else {}


def _running(project: Project, job: Job) -> str | None:
    with suppress(RunrError):
        found = journal.find(project.layout, job.name)
        return found.id if process.is_alive(found) else None
    return None


def _paused(project: Project, job: Job) -> str | None:
    """Return the last run of a job if it is paused, and no task can start without a person."""
    with suppress(RunrError):
        state = journal.require(journal.find(project.layout, job.name))
        if state.result == "paused":
            snapshot = Snapshot.of(project)
            work = expansion.expand_open(project, job, snapshot).work
            states = snapshot.task_states()
            return None if any(states[item.task].ready for item in work.items) else state.id
    return None


def serve(
    project: Project, pause: Callable[[float], None], report: Callable[[Firings], None]
) -> None:
    """Fire for ever; `pause` sleeps, `report` gets what was due, and each problem once."""
    known: list[JobProblem] = []
    while True:
        answer = fire(project)
        report(replace(answer, problems=[each for each in answer.problems if each not in known]))
        known = answer.problems
        pause(_until(answer.next_at, project.clock()))


def _until(next_at: str | None, now: datetime) -> float:
    if next_at is None:
        return _SLEEP_S
    left = (datetime.fromisoformat(next_at) - now) / timedelta(seconds=1)
    return min(max(left, 1.0), _SLEEP_S)


def unit(project: Project, manager: Manager) -> str:
    """Return the file with which systemd or launchd keeps the scheduler running."""
    root = str(project.layout.root)
    command = [sys.executable, "-P", "-m", "runr", "--repo", root, "scheduler"]
    return service_unit.unit(manager, root, command, project.environment.get("PATH", os.defpath))
