"""The state of a job run, and how each event changes it. Pure."""

from collections.abc import Iterable
from typing import Literal, NamedTuple, cast

from runr.jobs.events import (
    AccountParked,
    BaseChecked,
    EventData,
    JobCreated,
    JobEnded,
    JobEvent,
    JobLanded,
    JobResumed,
    JobStopRequested,
    TaskClaimed,
    TaskEnded,
    TaskEvent,
    TaskFound,
    TaskLeftOut,
    TaskRejected,
    TaskReopened,
    TaskSkipped,
    TaskStarted,
    TaskWaits,
    TimeLost,
    WorkReverted,
)
from runr.runs.codec import CodecError
from runr.runs.hook_events import HookFinished
from runr.runs.model import Usage

TaskStatus = Literal[
    "waiting", "starting", "running", "held", "completed", "failed", "skipped", "left_out"
]

#: How a job run ends: all of its tasks completed, some not, left to a person, or stopped.
JobResult = Literal["completed", "failed", "paused", "stopped"]


class TaskProgress(NamedTuple):
    """How far a task of the job is.

    `starting` is a run that was to start, of which it is not known whether it did. `afresh`
    asks for a new run from the tip of the branch. `found_by` is who completed it outside.
    `waits_for` is what outside of the job keeps it from starting, once its turn has come: the run
    `awaited_run_id`, or else a person, who may land the branch of the job run `unlanded_job_id`, or
    merge the target, which is `unmerged`.
    `rejected` is the run whose work on the branch does not count any more.
    """

    task: str
    status: TaskStatus = "waiting"
    run_id: str | None = None
    runs: tuple[str, ...] = ()
    worker: str = ""
    code: str = ""
    detail: str = ""
    not_before: str | None = None
    failures: int = 0
    conflicts: int = 0
    interrupts: int = 0
    limits: int = 0
    afresh: bool = False
    usage: Usage = Usage()
    commit_sha: str | None = None
    found_by: str | None = None
    waits_for: str = ""
    awaited_run_id: str | None = None
    unlanded_job_id: str | None = None
    unmerged: bool = False
    rejected: str | None = None
    started_at: str | None = None
    ended_at: str | None = None

    @property
    def needs_human(self) -> bool:
        """Whether only a person can take it further."""
        if self.status == "waiting":
            return bool(self.waits_for) and self.awaited_run_id is None
        return self.status == "held" and self.awaited_run_id is None


class JobState(NamedTuple):
    """The state that the events of a job run lead to.

    `base_failures` are the checks that fail before any work is done; None before they ran.
    `lost_s` are the seconds since `since` in which nothing led the job.
    """

    id: str
    start: JobCreated
    tasks: tuple[TaskProgress, ...]
    created_at: str
    updated_at: str
    since: str
    seq: int = 0
    ends_at: str | None = None
    parked: tuple[AccountParked, ...] = ()
    stopping: bool = False
    killing: bool = False
    stopped_by: str = ""
    result: JobResult | None = None
    reason: str = ""
    code: str = ""
    ended_at: str | None = None
    landed_on: str | None = None
    landed_sha: str | None = None
    base_failures: tuple[str, ...] | None = None
    failed_hooks: tuple[str, ...] = ()
    lost_s: float = 0.0

    @property
    def name(self) -> str:
        """The name of the job."""
        return self.start.job.name

    @property
    def usage(self) -> Usage:
        """What all runs of the job used."""
        total = Usage()
        for task in self.tasks:
            total = total.plus(task.usage)
        return total

    @property
    def not_ready(self) -> dict[str, str]:
        """The pending tasks that all that was ready left out, each with the reason."""
        return {each.task: each.reason for each in self.start.not_ready}

    def task(self, path: str) -> TaskProgress:
        """Return how far a task is."""
        return next(each for each in self.tasks if each.task == path)


def begin(job_run_id: str, event: JobEvent) -> JobState:
    """Return the state of a job run of which only the first event is known."""
    if not isinstance(event.data, JobCreated):
        raise CodecError(f"its first event is {event.type}, not job.created")
    done = set(event.data.completed)
    return JobState(
        id=job_run_id,
        start=event.data,
        tasks=tuple(
            TaskProgress(item.task, "completed" if item.task in done else "waiting")
            for item in event.data.work.items
        ),
        created_at=event.time,
        updated_at=event.time,
        since=event.time,
        seq=event.seq,
        ends_at=event.data.ends_at,
    )


def apply(state: JobState, event: JobEvent) -> JobState:
    """Return `state` after `event`; an event of an unknown type changes only the time."""
    return _reduce(state, event.data, event.time)._replace(seq=event.seq, updated_at=event.time)


def fold(job_run_id: str, events: Iterable[JobEvent]) -> JobState:
    """Return the state after all `events`; the first one opens the job run."""
    first, *rest = events
    state = begin(job_run_id, first)
    for event in rest:
        state = apply(state, event)
    return state


def _reduce(state: JobState, data: EventData, time: str) -> JobState:
    match data:
        case (
            TaskStarted()
            | TaskClaimed()
            | TaskEnded()
            | TaskWaits()
            | TaskSkipped()
            | TaskLeftOut()
            | TaskFound()
            | TaskReopened()
            | TaskRejected()
            | WorkReverted()
        ):
            return _task(state, data, time)
        case AccountParked():
            others = (each for each in state.parked if each.worker != data.worker)
            return state._replace(parked=(*others, data))
        case BaseChecked(failures):
            return state._replace(base_failures=failures)
        case JobStopRequested():
            killing = state.killing or data.kill
            return state._replace(stopping=True, killing=killing, stopped_by=data.by)
        case JobEnded():
            result = cast("JobResult", data.result)
            why = {each.task: each.reason for each in data.left}
            tasks = (
                each if each.code else each._replace(detail=why.get(each.task, each.detail))
                for each in state.tasks
            )
            ended = state._replace(result=result, reason=data.reason, code=data.code, ended_at=time)
            return ended._replace(tasks=tuple(tasks))
        case JobLanded() | HookFinished():
            return _after_the_end(state, data)
        case JobResumed() | TimeLost():
            return _led_again(state, data, time)
        case _:
            return state


def _after_the_end(state: JobState, data: JobLanded | HookFinished) -> JobState:
    if isinstance(data, JobLanded):
        return state._replace(landed_on=data.target, landed_sha=data.commit_sha)
    failed = (data.message,) if data.failed else ()
    return state._replace(failed_hooks=(*state.failed_hooks, *failed))


def _task(state: JobState, data: TaskEvent, time: str) -> JobState:
    tasks = tuple(
        _changed(each, data, time) if each.task == data.task else each for each in state.tasks
    )
    return state._replace(tasks=tasks)


def _changed(before: TaskProgress, data: TaskEvent, time: str) -> TaskProgress:
    before = _turn(before)
    match data:
        case TaskStarted():
            return before._replace(status="starting", started_at=before.started_at or time)
        case TaskClaimed():
            runs = before.runs if data.run_id in before.runs else (*before.runs, data.run_id)
            return before._replace(
                status="running", run_id=data.run_id, runs=runs, worker=data.worker, afresh=False
            )
        case TaskWaits() | TaskFound() | TaskReopened():
            return _met_outside(before, data, time)
        case TaskSkipped() | TaskLeftOut():
            status: TaskStatus = "skipped" if isinstance(data, TaskSkipped) else "left_out"
            return before._replace(status=status, detail=data.reason, ended_at=time)
        case TaskRejected():
            return before._replace(status="failed", rejected=data.run_id, detail=data.reason)
        case WorkReverted():
            return before._replace(rejected=None, commit_sha=None)
        case _:
            return _ended(before, data, time)


def _met_outside(
    before: TaskProgress, data: TaskWaits | TaskFound | TaskReopened, time: str
) -> TaskProgress:
    match data:
        case TaskFound():
            return before._replace(status="completed", found_by=data.by, ended_at=time)
        case TaskReopened():
            return before._replace(status="waiting", found_by=None, ended_at=None, detail="")
        case TaskWaits():
            return before._replace(
                waits_for=data.reason,
                awaited_run_id=data.run_id,
                unlanded_job_id=data.job_run_id,
                unmerged=data.on_target,
            )


def _ended(before: TaskProgress, data: TaskEnded, time: str) -> TaskProgress:
    return before._replace(
        status=cast("TaskStatus", data.outcome),
        code=data.code,
        detail=data.detail,
        not_before=data.not_before,
        failures=data.failures,
        conflicts=data.conflicts,
        interrupts=data.interrupts,
        limits=data.limits,
        afresh=data.afresh,
        worker=data.worker or before.worker,
        usage=data.usage,
        commit_sha=data.commit_sha,
        ended_at=time,
    )


def _led_again(state: JobState, data: JobResumed | TimeLost, time: str) -> JobState:
    if isinstance(data, JobResumed):
        return _resumed(state, data, time)
    return state._replace(lost_s=state.lost_s + data.seconds)


def _resumed(state: JobState, data: JobResumed, time: str) -> JobState:
    """Try again what failed, and look again at what was skipped."""
    retried = set(data.retried)
    tasks = (
        _fresh(each)
        if each.status in ("skipped", "left_out") or each.task in retried
        else _looked_at_again(each)
        for each in state.tasks
    )
    return state._replace(
        tasks=tuple(tasks),
        parked=tuple(each for each in state.parked if each.until is not None),
        stopping=False,
        killing=False,
        stopped_by="",
        result=None,
        reason="",
        code="",
        ended_at=None,
        landed_on=None,
        landed_sha=None,
        base_failures=None,
        failed_hooks=(),
        since=time,
        lost_s=0.0,
        ends_at=data.ends_at,
    )


def _looked_at_again(each: TaskProgress) -> TaskProgress:
    """Return a task of which it is not known any more what it waits for."""
    detail = "" if each.status == "waiting" else each.detail
    return _turn(each)._replace(detail=detail)


def _turn(each: TaskProgress) -> TaskProgress:
    """Return a task that waits for nothing outside of the job, as far as is known."""
    return each._replace(waits_for="", awaited_run_id=None, unlanded_job_id=None, unmerged=False)


def _fresh(each: TaskProgress) -> TaskProgress:
    """Return a task that counts its failures from none again; its last run may be resumed.

    Work for an earlier text of the task is not continued.
    """
    return each._replace(
        afresh=each.afresh or each.code == "task_changed",
        status="waiting",
        code="",
        detail="",
        not_before=None,
        failures=0,
        conflicts=0,
        interrupts=0,
        limits=0,
        ended_at=None,
    )
