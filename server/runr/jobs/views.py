"""A job run as an answer: how far it is, and what its tasks have come to."""

from collections import Counter
from dataclasses import dataclass, field, replace

from runr.errors import ExitCode
from runr.jobs import branch, decisions, files, journal, outcomes, rejected, since
from runr.jobs.blockers import Blockers
from runr.jobs.state import JobState, TaskProgress, TaskStatus
from runr.next_steps import commands
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.query.models import Result
from runr.runs import stop_reasons
from runr.storage import files as locks
from runr.storage.layout import RunFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRunTask:
    """A task of a job run. `reason` says why it is not completed, or waits.

    `awaited_run_id` is a run outside of the job that it waits for, `needs_human` that only a person
    can take it further, `blocked_by` the tasks of the job that keep it from starting. `now` is what
    is true of it since the job has ended, where that differs from what the job has recorded.
    """

    path: str
    step: str
    status: str
    run_id: str | None = None
    worker: str | None = None
    reason: str | None = None
    code: str | None = None
    not_before: str | None = None
    awaited_run_id: str | None = None
    needs_human: bool = False
    blocked_by: list[str] = field(default_factory=list)
    commit_sha: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    now: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRunDetails(Result):
    """A job run; `status` is `running`, `interrupted` where its process is gone, or its result.

    `base_failures` are checks that fail before any work is done, `failed_hooks` lifecycle hooks
    that failed after the job. `waits_until` is when parked
    accounts can be used again. `not_ready` are pending tasks that a step with all that is ready
    left out, with the reason.
    """

    id: str
    job: str
    status: str
    reason: str | None = None
    branch: str
    target: str | None = None
    created_at: str
    ended_at: str | None = None
    waits_until: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    tasks: list[JobRunTask] = field(default_factory=list)
    cost_usd: float | None = None
    tokens: int = 0
    exit_code: int | None = None
    base_failures: list[str] = field(default_factory=list)
    failed_hooks: list[str] = field(default_factory=list)
    not_ready: dict[str, str] = field(default_factory=dict)


def details(project: Project, job_run: RunFiles) -> JobRunDetails:
    """Return a job run as it is now."""
    state = decisions.as_decided(project, branch.as_landed(project, journal.require(job_run)))
    steps = {item.task: item.step for item in state.start.work.items}
    status = status_of(state, job_run)
    usage, blockers, changed = state.usage, Blockers(state), since.changes(project, state)
    return JobRunDetails(
        id=state.id,
        job=state.name,
        status=status,
        reason=state.reason or _stopping(state) or None,
        branch=state.start.branch,
        target=state.start.target or None,
        created_at=state.created_at,
        ended_at=state.ended_at,
        waits_until=waits_until(state, project.now()),
        counts=count(state),
        tasks=[
            replace(
                _task(each, steps[each.task], blockers.of(each)), now=changed.get(each.task) or None
            )
            for each in state.tasks
        ],
        cost_usd=usage.cost_usd,
        tokens=usage.input_tokens + usage.output_tokens,
        base_failures=list(state.base_failures or ()),
        failed_hooks=list(state.failed_hooks),
        not_ready=state.not_ready,
        exit_code=None if status == "running" else int(exit_code(state)),
        next_steps=project.surface.lines(next_steps(project, state, status)),
    )


def waits_until(state: JobState, now: str) -> dict[str, str]:
    """Map the workers whose account cannot be used yet to when it can again."""
    return {each.worker: each.until for each in state.parked if each.until and each.until > now}


def status_of(state: JobState, job_run: RunFiles) -> str:
    """Return how a job run ended, or whether it is running: else its process is gone."""
    return state.result or ("running" if locks.is_held(job_run.lock) else "interrupted")


def _stopping(state: JobState) -> str:
    """Say that a job that has not ended was asked to stop."""
    if not state.stopping or state.result:
        return ""
    how = "is stopped, too" if state.killing else "may end"
    return f"{state.stopped_by} has asked it to stop: what runs {how}"


#: The order in which tasks are counted.
_ORDER: tuple[TaskStatus, ...] = (
    "completed",
    "running",
    "starting",
    "held",
    "waiting",
    "failed",
    "skipped",
    "left_out",
)


def count(state: JobState) -> dict[str, int]:
    """Return how many tasks of a job run have each status."""
    found = Counter(each.status for each in state.tasks)
    return {status: found[status] for status in _ORDER if found[status]}


def _task(each: TaskProgress, step: str, blocked_by: list[str]) -> JobRunTask:
    return JobRunTask(
        path=each.task,
        step=step,
        status=each.status,
        run_id=each.run_id,
        worker=each.worker or None,
        reason=outcomes.reason(each) or None,
        code=each.code or None,
        not_before=each.not_before if each.status == "waiting" else None,
        awaited_run_id=each.awaited_run_id,
        needs_human=each.needs_human,
        blocked_by=blocked_by,
        commit_sha=each.commit_sha,
        started_at=each.started_at,
        ended_at=each.ended_at if each.status not in ("waiting", "running") else None,
    )


def exit_code(state: JobState) -> ExitCode:
    """Return the exit code of a job run that does not run any more."""
    match state.result:
        case "completed":
            return ExitCode.DONE
        case "paused":
            return ExitCode.HUMAN
        case "stopped" | None:
            return ExitCode.INTERRUPTED
        case _ if state.code in stop_reasons.STOPS:
            return stop_reasons.find(state.code).exit_code
        case _:
            return ExitCode.FAILED


def _waits_to_be_counted(state: JobState) -> bool:
    """Tell whether what had failed is completed since: there is nothing to retry."""
    done = any(each.detail == decisions.COMPLETED_SINCE for each in state.tasks)
    return done and not any(each.status == "failed" for each in state.tasks)


def is_unlanded(state: JobState) -> bool:
    """Tell whether the job has a branch of its own that has landed nowhere."""
    return state.start.branch != state.start.target and state.landed_on is None


def _has_file(project: Project, state: JobState) -> bool:
    return any(each.job and each.job.name == state.name for each in files.scan(project.layout))


def _stop_steps(state: JobState) -> list[NextStep]:
    """Return what stops more of a running job than was asked for."""
    if state.killing:
        return []
    return [commands.job_kill(state.id) if state.stopping else commands.job_stop(state.id)]


def next_steps(project: Project, state: JobState, status: str) -> list[NextStep]:
    """Return what a user can do about a job run."""
    if status == "running":
        return [commands.job_status(state.id), *_stop_steps(state)]
    again = [commands.job_resume(state.id)] if status in ("interrupted", "stopped") else []
    if status == "paused" and any(each.status == "failed" for each in state.tasks):
        again = [commands.job_retry(state.id)]
    elif status == "paused":
        again = [*decisions.for_persons(project, state), commands.job_resume(state.id)]
    if status == "failed" and outcomes.spent(state):
        # A retry keeps the limits, and what was used.
        again = [commands.job_run(state.name)] if _has_file(project, state) else []
    elif status == "failed" and _waits_to_be_counted(state):
        again = [commands.job_resume(state.id)]
    elif status == "failed":
        again = [*branch.make_again_steps(project, state), commands.job_retry(state.id)]
    landed = any(each.status == "completed" and each.run_id for each in state.tasks)
    in_the_way = any(rejected.find(project, state))
    own = is_unlanded(state) and not in_the_way
    again = again or ([commands.job_retry(state.id)] if in_the_way else [])
    land = [branch.land_step(project, state)] if landed and own and status != "interrupted" else []
    return [commands.job_receipt(state.id), *land, *again] if status != "interrupted" else again
