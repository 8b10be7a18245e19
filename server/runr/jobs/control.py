"""Start, stop, resume and retry jobs."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from runr.clock import format_utc
from runr.errors import AlreadyRunningError, UsageError
from runr.execution import process as run_process
from runr.jobs import branch as job_branch
from runr.jobs import decisions, expansion, job_hooks, journal, process, rejected, views
from runr.jobs.events import (
    BranchMerged,
    JobCreated,
    JobResumed,
    JobStopRequested,
    Left,
    WorkReverted,
)
from runr.jobs.journal import JobJournal
from runr.jobs.model import Job, Limits
from runr.jobs.rejected import Rejection
from runr.jobs.state import JobState, TaskProgress
from runr.jobs.views import JobRunDetails
from runr.lifecycle import leases
from runr.next_steps import commands
from runr.project import Project
from runr.query.snapshot import Snapshot
from runr.redaction import Redactor
from runr.runs import stop_reasons
from runr.status import store
from runr.storage import state_dir
from runr.storage.files import is_held, locked
from runr.storage.layout import RunFiles

#: What a resume tries again without being asked: nothing was wrong with the work itself.
_CIRCUMSTANCES = frozenset(
    {"stopped", "interrupted", "worker_outage", "worker_unavailable"} | stop_reasons.OF_THE_ACCOUNT
)

#: As long is the end of a job awaited whose runs are stopped: those that do not end are killed.
_KILLED_S = 90.0


def start_job(project: Project, job: Job) -> JobRunDetails:
    """Record a job run, start its process and return at once; raises as `create_job` does.

    Of two starts of a job at the same moment, one is refused.
    """
    leases.refuse_nested(project)
    with locked(project.layout.job_starts_lock):
        _refuse_twice(project, job)
        files = create_job(project, job)
        process.launch(project, files)
    return views.details(project, files)


def _refuse_twice(project: Project, job: Job) -> None:
    """Refuse a job that is running: a second run would only wait for the first."""
    for files in journal.of_job(project.layout, job.name):
        if not run_process.is_alive(files) or journal.require(files).start.job != job:
            continue
        raise AlreadyRunningError(
            f"the job {job.name} is running ({files.id})",
            next_steps=[commands.job_status(files.id), commands.job_stop(files.id)],
        )


def create_job(project: Project, job: Job) -> RunFiles:
    """Record a job run that an orchestrator can execute.

    Raises, with nothing recorded, for what can never work: names, branches, no task at all.
    """
    leases.refuse_nested(project)
    store.ensure_writable(project.layout)
    snapshot = Snapshot.of(project)
    expanded = expansion.expand_open(project, job, snapshot)
    target, base = job_branch.base_of(project, job)
    state_dir.ensure_state_dir(project.layout)
    files = journal.claim(project.layout, project.clock(), project.suffixes)
    branch = job_branch.make(project, job, target, base, files)
    created = JobCreated(
        job,
        expanded.work,
        branch=branch,
        target=target,
        base_sha=base.commit,
        completed=expanded.completed,
        ends_at=window_end(job.limits, project.clock()),
        config_sha256=job_hooks.keep_settings(files, project.config()),
        not_ready=tuple(Left(*each) for each in expanded.not_ready.items()),
    )
    _journal(project, files).append(created)
    return files


def window_end(limits: Limits, now: datetime) -> str | None:
    """Return the end of the window of a job that begins now, in UTC."""
    if limits.until is None:
        return None
    hour, minute = map(int, limits.until.split(":"))
    here = now.astimezone()
    end = here.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if end <= here:
        end = (end + timedelta(days=1)).replace(hour=hour, minute=minute)
    return format_utc(datetime.fromtimestamp(end.timestamp(), now.tzinfo))


def stop_job(
    project: Project,
    wanted: str | None,
    *,
    kill: bool = False,
    on_change: Callable[[JobState], None] = lambda _state: None,
) -> JobRunDetails:
    """Ask a job to stop: what is running may end.

    With `kill` it is stopped, too. Its end is waited for, though not for ever, then and where
    nothing is running.
    """
    leases.refuse_nested(project, "stop")
    project.refuse_inside("a run does not stop jobs")
    files = journal.find(project.layout, wanted)
    state = journal.require(files)
    if state.result is not None:
        return views.details(project, files)
    _journal(project, files).append(JobStopRequested(kill, project.actor()))
    if not run_process.is_alive(files):
        # Nothing is running that could see it: the job ends as soon as it is looked at.
        process.launch(project, files)
    if kill or not any(each.status in ("starting", "running") for each in state.tasks):
        return wait_for_job(project, files.id, _KILLED_S, on_change)
    return views.details(project, files)


def resume_job(project: Project, wanted: str | None) -> JobRunDetails:
    """Go on with a job whose process died, or that was stopped or paused."""
    return _go_on(project, wanted, retry=False)


def retry_job(project: Project, wanted: str | None) -> JobRunDetails:
    """Run the tasks again that failed, and those that were not started because of them."""
    return _go_on(project, wanted, retry=True)


def _go_on(project: Project, wanted: str | None, *, retry: bool) -> JobRunDetails:
    leases.refuse_nested(project)
    files = journal.find(project.layout, wanted)
    with locked(project.layout.job_starts_lock):
        _begin_again(project, files, what_is_left(project, files, retry=retry))
    return views.details(project, files)


class Again(NamedTuple):
    """What a job run does that goes on: the tasks that are `retried`, of them those `rejected`."""

    state: JobState
    retried: tuple[str, ...]
    rejected: tuple[Rejection, ...]


def what_is_left(project: Project, files: RunFiles, *, retry: bool) -> Again:
    """Return what a job does that goes on, all that has failed with `retry`.

    Raises for one that is running, or is completed.
    """
    state = journal.require(files)
    if run_process.is_alive(files):
        raise AlreadyRunningError(
            f"the job {state.name} is running ({state.id})",
            next_steps=[commands.job_status(state.id)],
        )
    found = tuple(rejected.find(project, state))
    if state.result == "completed" and not found:
        raise UsageError(
            f"the job {state.name} ({state.id}) is completed: there is nothing to resume",
            next_steps=[commands.job_receipt(state.id)],
        )
    if state.result is None:
        return Again(state, (), ())
    now = decisions.as_decided(project, state)
    failed = (each for each in now.tasks if each.status == "failed")
    tasks = [
        each.task
        for each in failed
        if retry or each.code in _CIRCUMSTANCES or _goes_on(project, each)
    ]
    retried = tuple(dict.fromkeys((*tasks, *(each.task for each in found))))
    return Again(state, retried, found)


def _begin_again(project: Project, files: RunFiles, again: Again) -> None:
    state = again.state
    if state.result is not None:
        ends_at = window_end(state.start.job.limits, project.clock())
        log = _journal(project, files)
        for each in again.rejected:
            log.append(WorkReverted(each.task, rejected.revert(project, state, each)))
        log.append(JobResumed(again.retried, ends_at))
        if (merged := job_branch.follow_target(project, state)) is not None:
            log.append(BranchMerged(merged))
    process.launch(project, files)


def _goes_on(project: Project, each: TaskProgress) -> bool:
    """Tell whether a person has resumed the run of a task that failed, and it works now."""
    return each.run_id is not None and run_process.is_alive(project.layout.run(each.run_id))


def _journal(project: Project, files: RunFiles) -> JobJournal:
    return JobJournal(files, project.clock, Redactor(project.environment))


def wait_for_job(
    project: Project,
    job_run_id: str,
    seconds: float | None = None,
    on_change: Callable[[JobState], None] = lambda _state: None,
) -> JobRunDetails:
    """Return the job run when it has ended, or as it is after `seconds`."""
    files = project.layout.job_run(job_run_id)
    deadline = None if seconds is None else time.monotonic() + seconds
    seen = -1
    log = _journal(project, files)
    while True:
        # Hooks that others wait for are called before the process of the job lets go of its lock.
        alive = run_process.is_alive(files) or is_held(files.hooks_lock)
        state = log.state()
        if state.seq != seen:
            seen = state.seq
            on_change(state)
        over = deadline is not None and time.monotonic() >= deadline
        if not alive or over:
            return views.details(project, files)
        time.sleep(0.1)
