"""What can happen in a job run: one type for each event, and the lines of its journal. Pure."""

from typing import Any, NamedTuple

from runr.jobs.model import Job
from runr.jobs.work import Work
from runr.runs import codec
from runr.runs.codec import CodecError
from runr.runs.hook_events import HookFinished
from runr.runs.model import Usage


class Left(NamedTuple):
    """A task that did not start, and what it waits for."""

    task: str
    reason: str


class JobCreated(NamedTuple):
    """The first event of a job run.

    `branch` is where its tasks start from and land, `target` the branch that was checked out;
    they are the same with `land: each`. `completed` are the tasks that were completed before.
    `ends_at` is the end of its window. `config_sha256` is the digest of the job run's copy of the
    settings. `not_ready` are the pending tasks that all that was ready left out.
    """

    job: Job
    work: Work
    branch: str
    target: str
    base_sha: str
    completed: tuple[str, ...] = ()
    ends_at: str | None = None
    config_sha256: str = ""
    not_ready: tuple[Left, ...] = ()


class JobResumed(NamedTuple):
    """The job goes on; tasks that failed, and those skipped for them, are tried again."""

    retried: tuple[str, ...] = ()
    ends_at: str | None = None


class TimeLost(NamedTuple):
    """Nothing led the job for so long: the machine was off or asleep, or its process gone."""

    seconds: float


class JobStopRequested(NamedTuple):
    """A user asked the job to stop; with `kill` its runs are stopped, else they may end."""

    kill: bool
    by: str


class JobEnded(NamedTuple):
    """Nothing more is done; `result` and the reason in a sentence, and what is `left`."""

    result: str
    reason: str = ""
    code: str = ""
    left: tuple[Left, ...] = ()


class TaskStarted(NamedTuple):
    """A run of the task is about to start, or one that has stopped is about to be resumed."""

    task: str


class TaskClaimed(NamedTuple):
    """The run has the task."""

    task: str
    run_id: str
    worker: str = ""


class TaskEnded(NamedTuple):
    """A run has ended. `outcome` is what that means for the task.

    `waiting` starts it again, not before `not_before`; `held` leaves it to a person. `failures`,
    `conflicts` and `interrupts` are how often that has happened so far, `limits` how often in a row
    it was a usage limit. `usage` is that of the whole run.
    """

    task: str
    outcome: str
    run_id: str = ""
    code: str = ""
    detail: str = ""
    not_before: str | None = None
    failures: int = 0
    conflicts: int = 0
    interrupts: int = 0
    limits: int = 0
    afresh: bool = False
    worker: str = ""
    usage: Usage = Usage()
    commit_sha: str | None = None


class TaskWaits(NamedTuple):
    """The turn of the task has come, and something outside of the job keeps it from starting.

    That is the run `run_id`, which will end, or else a person, who may land the branch of the job
    run `job_run_id`, or merge the target (`on_target`). Without a `reason`, nothing does any more.
    """

    task: str
    reason: str = ""
    run_id: str | None = None
    job_run_id: str | None = None
    on_target: bool = False


class TaskSkipped(NamedTuple):
    """The task will not start in this job, for the reason given."""

    task: str
    reason: str


class TaskLeftOut(NamedTuple):
    """The job is to do without the task, for the reason given."""

    task: str
    reason: str


class TaskFound(NamedTuple):
    """The task was completed outside of the job, by whom its entry says."""

    task: str
    by: str = ""


class TaskReopened(NamedTuple):
    """The task is looked at again: its completion was reset, or what it was skipped for is done."""

    task: str


class TaskRejected(NamedTuple):
    """The completion by the run does not count any more: a person has reset the task."""

    task: str
    run_id: str
    reason: str


class WorkReverted(NamedTuple):
    """The rejected work of the task is not on the branch any more, by `commit_sha` if by any."""

    task: str
    commit_sha: str | None = None


class AccountParked(NamedTuple):
    """No task of the worker starts before `until`; None where that takes a person."""

    worker: str
    code: str
    until: str | None = None
    detail: str = ""


class BaseChecked(NamedTuple):
    """The checks ran on the commit that tasks begin with; a sentence for each that fails there."""

    failures: tuple[str, ...] = ()


class BranchMerged(NamedTuple):
    """What was committed on the target since is merged into the job's branch."""

    commit_sha: str


class JobLanded(NamedTuple):
    """The branch of the job was merged into `target`, which is at `commit_sha` since."""

    target: str
    how: str
    commit_sha: str


class UnknownEvent(NamedTuple):
    """An event of a later version."""

    type: str
    payload: dict[str, Any]


#: What happened to one task.
TaskEvent = (
    TaskStarted
    | TaskClaimed
    | TaskEnded
    | TaskWaits
    | TaskSkipped
    | TaskLeftOut
    | TaskFound
    | TaskReopened
    | TaskRejected
    | WorkReverted
)

EventData = (
    JobCreated
    | JobResumed
    | TimeLost
    | JobStopRequested
    | JobEnded
    | TaskEvent
    | AccountParked
    | BaseChecked
    | BranchMerged
    | JobLanded
    | HookFinished
    | UnknownEvent
)

#: The names that the journal uses.
EVENTS: dict[str, type[EventData]] = {
    "job.created": JobCreated,
    "job.resumed": JobResumed,
    "time.lost": TimeLost,
    "job.stop_requested": JobStopRequested,
    "job.ended": JobEnded,
    "task.started": TaskStarted,
    "task.claimed": TaskClaimed,
    "task.ended": TaskEnded,
    "task.waits": TaskWaits,
    "task.skipped": TaskSkipped,
    "task.left_out": TaskLeftOut,
    "task.found": TaskFound,
    "task.reopened": TaskReopened,
    "task.rejected": TaskRejected,
    "work.reverted": WorkReverted,
    "account.parked": AccountParked,
    "base.checked": BaseChecked,
    "branch.merged": BranchMerged,
    "job.landed": JobLanded,
    "hook.finished": HookFinished,
}

_NAMES = {kind: name for name, kind in EVENTS.items()}


class JobEvent(NamedTuple):
    """One line of a journal; `seq` counts from 1, `time` is ISO 8601 in UTC."""

    seq: int
    time: str
    data: EventData

    @property
    def type(self) -> str:
        """The name of the event, such as `task.claimed`."""
        return self.data.type if isinstance(self.data, UnknownEvent) else _NAMES[type(self.data)]

    def to_json(self) -> dict[str, Any]:
        """Return the line of the journal."""
        known = self.data
        payload = known.payload if isinstance(known, UnknownEvent) else codec.encode(known)
        return {"seq": self.seq, "time": self.time, "type": self.type, "payload": payload}


class _Line(NamedTuple):
    seq: int
    time: str
    type: str


def parse_event(raw: object) -> JobEvent:
    """Return the event on a line of the journal; CodecError names what is wrong with it."""
    line = codec.decode(_Line, raw)
    payload = raw.get("payload", {}) if isinstance(raw, dict) else {}
    if not isinstance(payload, dict):
        raise CodecError("payload: expected an object")
    kind = EVENTS.get(line.type)
    if kind is None:
        return JobEvent(line.seq, line.time, UnknownEvent(line.type, payload))
    try:
        return JobEvent(line.seq, line.time, codec.decode(kind, payload))
    except CodecError as error:
        raise CodecError(f"{line.type}: {error}") from None
