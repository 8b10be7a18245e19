"""What can happen in a run: one type for each event, and the lines of the journal. Pure.

`EVENTS` names them as the journal does; `phase.finished` has a type for each phase.
An event that is not in the table, of a later version, is kept as `UnknownEvent`.
"""

from typing import Any, NamedTuple

from runr.runs import codec
from runr.runs.channel import Channel
from runr.runs.codec import CodecError
from runr.runs.hook_events import HookFinished, WorkRestored, WorkReverted
from runr.runs.model import Candidate, CheckResult, MovedRef, Phase, RunCreated, RunSpec, Usage
from runr.runs.session_events import (
    SessionAttached,
    SessionReminded,
    ToolCommand,
    ToolDenied,
    ToolEdit,
    UsageRecorded,
)
from runr.text import join_limited


class RunApproved(NamedTuple):
    """A person approved the work, or attested the task; `channel` is how that reached runr."""

    by: str
    reason: str
    channel: Channel | None = None


class RunRejected(NamedTuple):
    """A person rejected the work; `channel` is how that reached runr."""

    by: str
    reason: str
    channel: Channel | None = None


class RunStopRequested(NamedTuple):
    """A user or a session asked the run to stop."""

    detail: str = ""


class RunStopped(NamedTuple):
    """The run stopped; `code` is one of `runs.stop_reasons`, `tree` the files that it worked in.

    `resets_at` is when the usage limit ends that a session has met.
    """

    code: str
    detail: str | None = None
    tree: str | None = None
    resets_at: str | None = None


class RunResumed(NamedTuple):
    """A stopped run was resumed: from a phase, where one was named, with a new specification.

    `accepted_by` is the person who accepted what had changed in it while a worker worked.
    `target` is another branch to land on, `base_tree` the tree with which it began, with what
    the user has changed since it stopped.
    """

    from_phase: Phase | None = None
    spec: RunSpec | None = None
    sequence: int = 0
    accepted_by: str | None = None
    target: str | None = None
    base_tree: str | None = None


class RunCompleted(NamedTuple):
    """The run ended with its task completed."""


class PhaseStarted(NamedTuple):
    """A phase began; `milestone` is shown to those who follow the run."""

    phase: Phase
    attempt: int | None = None
    milestone: str | None = None


class PhaseFinished(NamedTuple):
    """A phase ended. PREPARE may have put the work `onto` a commit; `files` are in conflict."""

    phase: Phase
    outcome: str
    detail: str | None = None
    onto: str | None = None
    files: tuple[str, ...] = ()


class PlanFinished(NamedTuple):
    """The planner answered."""

    outcome: str
    detail: str | None = None
    milestones: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()
    planner: str | None = None
    summary: str = ""
    usage: Usage = Usage()
    denied: tuple[str, ...] = ()
    phase: Phase = Phase.PLAN


class WorkFinished(NamedTuple):
    """An attempt at the work ended.

    `session_usage` is what the worker's session has used in all, None where it
    cannot be continued; `resets_at` when the usage limit ends that stopped it, or a
    busy service may be asked again; `by` the person who submitted a session's work.
    `base_sha` and `base_tree` are what the run began with, with what others have done since.
    """

    outcome: str
    detail: str | None = None
    worker: str | None = None
    session_id: str | None = None
    session_usage: Usage | None = None
    exit_code: int | None = None
    summary: str = ""
    usage: Usage = Usage()
    denied: tuple[str, ...] = ()
    by: str | None = None
    resets_at: str | None = None
    base_sha: str | None = None
    base_tree: str | None = None
    phase: Phase = Phase.WORK


class VerifyFinished(NamedTuple):
    """The verification ended; `tree` is the workspace, `candidate` the commit that was checked."""

    outcome: str
    checks: tuple[CheckResult, ...]
    detail: str | None = None
    violations: tuple[str, ...] = ()
    tree: str | None = None
    candidate: Candidate | None = None
    phase: Phase = Phase.VERIFY


class ReviewFinished(NamedTuple):
    """The reviewer answered; `feedback` is what has to change."""

    outcome: str
    detail: str | None = None
    feedback: str | None = None
    violations: tuple[str, ...] = ()
    reviewer: str | None = None
    summary: str = ""
    usage: Usage = Usage()
    denied: tuple[str, ...] = ()
    phase: Phase = Phase.REVIEW


class CheckpointFinished(NamedTuple):
    """The checkpoint was committed, or could not be; `changed` counts files since the base."""

    outcome: str
    detail: str | None = None
    commit_sha: str | None = None
    changed: int | None = None
    left_dirty: tuple[str, ...] = ()
    phase: Phase = Phase.CHECKPOINT


class IntegrateFinished(NamedTuple):
    """The checkpoint landed on `target`, or `files` conflict; `checks` ran on a moved target.

    The changes to the files `dropped` are not there: a merge of the user's left them out. `look`
    are the words of the git command that shows what is in the way.
    """

    outcome: str
    detail: str | None = None
    strategy: str | None = None
    commit_sha: str | None = None
    target: str | None = None
    files: tuple[str, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    candidate: Candidate | None = None
    dropped: tuple[str, ...] = ()
    look: tuple[str, ...] = ()
    phase: Phase = Phase.INTEGRATE


class CheckStarted(NamedTuple):
    """A check began."""

    tier: str
    command: str


class CheckFailed(NamedTuple):
    """A check failed and is run again."""

    tier: str
    command: str
    exit_code: int | None
    seconds: float
    runs: int = 1


class CheckFinished(NamedTuple):
    """A check ended."""

    tier: str
    command: str
    exit_code: int | None
    seconds: float
    runs: int = 1
    passed: bool = False
    flaky: bool = False


class ChecksEscalated(NamedTuple):
    """The checks of a tier were added, because `path` matches `pattern`."""

    pattern: str
    tier: str
    path: str


class WorkerFallback(NamedTuple):
    """A worker could not go on, as the stop reason `code` says; `fallback` takes its place.

    `resets_at` is when the usage limit ends that it has met, and `usage` what it used in the
    attempt: the end of the attempt has that of both.
    """

    worker: str
    fallback: str
    reason: str
    code: str = ""
    resets_at: str | None = None
    usage: Usage = Usage()


class WorkerBackoff(NamedTuple):
    """The model's service did not answer; the worker tries again after `seconds`."""

    reason: str
    seconds: float


class UsageLimitWait(NamedTuple):
    """The account's usage limit is reached; the worker continues `until` it resets."""

    reason: str
    until: str


class RefsMoved(NamedTuple):
    """Refs of the repository changed while a worker worked."""

    refs: tuple[MovedRef, ...]


class InputsChanged(NamedTuple):
    """The settings or the task were changed in the user's tree while a worker worked.

    `put_back` tells whether they are as before; that is so where the worker had the
    tree for itself.
    """

    paths: tuple[str, ...]
    detail: str = ""
    put_back: bool = False


class TreeChanged(NamedTuple):
    """The user's working tree or index changed while a worker worked; `changes` say how."""

    changes: tuple[str, ...]

    @property
    def detail(self) -> str:
        """The first of the changes."""
        return f"{join_limited(self.changes, 3)}, in your working tree"


class NoteAdded(NamedTuple):
    """A session, a worker or a person noted something."""

    text: str
    session_id: str | None = None
    by: str | None = None


class SubmitStarted(NamedTuple):
    """The run's commits are about to be merged into the branch `to`."""

    to: str
    strategy: str
    before: str
    commit_sha: str
    override_reason: str | None = None
    by: str | None = None


class SubmitFinished(NamedTuple):
    """The run's commits were merged into the branch `to`, which is at `commit_sha` now."""

    to: str
    strategy: str
    before: str
    commit_sha: str
    override_reason: str | None = None
    by: str | None = None


class SubmitFailed(NamedTuple):
    """The run's commits could not be merged."""

    to: str
    detail: str


class UnknownEvent(NamedTuple):
    """An event of a later version of runr, as it was read."""

    type: str
    payload: dict[str, Any]


FinishedPhase = (
    PhaseFinished
    | PlanFinished
    | WorkFinished
    | VerifyFinished
    | ReviewFinished
    | CheckpointFinished
    | IntegrateFinished
)

EventData = (
    RunCreated
    | RunApproved
    | RunRejected
    | RunStopRequested
    | RunStopped
    | RunResumed
    | RunCompleted
    | PhaseStarted
    | FinishedPhase
    | CheckStarted
    | CheckFailed
    | CheckFinished
    | ChecksEscalated
    | SessionAttached
    | SessionReminded
    | UsageRecorded
    | ToolCommand
    | ToolEdit
    | ToolDenied
    | WorkerFallback
    | WorkerBackoff
    | UsageLimitWait
    | RefsMoved
    | InputsChanged
    | TreeChanged
    | NoteAdded
    | SubmitStarted
    | SubmitFinished
    | SubmitFailed
    | HookFinished
    | WorkRestored
    | WorkReverted
    | UnknownEvent
)

_PHASE_FINISHED = "phase.finished"

EVENTS: dict[str, type[EventData]] = {
    "run.created": RunCreated,
    "run.approved": RunApproved,
    "run.rejected": RunRejected,
    "run.stop_requested": RunStopRequested,
    "run.stopped": RunStopped,
    "run.resumed": RunResumed,
    "run.completed": RunCompleted,
    "phase.started": PhaseStarted,
    _PHASE_FINISHED: PhaseFinished,
    "check.started": CheckStarted,
    "check.failed": CheckFailed,
    "check.finished": CheckFinished,
    "checks.escalated": ChecksEscalated,
    "session.attached": SessionAttached,
    "session.reminded": SessionReminded,
    "usage.recorded": UsageRecorded,
    "tool.command": ToolCommand,
    "tool.edit": ToolEdit,
    "tool.denied": ToolDenied,
    "worker.fallback": WorkerFallback,
    "worker.backoff": WorkerBackoff,
    "worker.usage_limit": UsageLimitWait,
    "refs.moved": RefsMoved,
    "inputs.changed": InputsChanged,
    "tree.changed": TreeChanged,
    "note.added": NoteAdded,
    "submit.started": SubmitStarted,
    "submit.finished": SubmitFinished,
    "submit.failed": SubmitFailed,
    "hook.finished": HookFinished,
    "work.restored": WorkRestored,
    "work.reverted": WorkReverted,
}

#: The phases that end with facts of their own.
FINISHED: dict[str, type[FinishedPhase]] = {
    Phase.PLAN: PlanFinished,
    Phase.WORK: WorkFinished,
    Phase.VERIFY: VerifyFinished,
    Phase.REVIEW: ReviewFinished,
    Phase.CHECKPOINT: CheckpointFinished,
    Phase.INTEGRATE: IntegrateFinished,
}

_NAMES = {kind: name for name, kind in EVENTS.items()} | dict.fromkeys(
    FINISHED.values(), _PHASE_FINISHED
)


class Event(NamedTuple):
    """One line of a journal; `seq` counts from 1, `time` is ISO 8601 in UTC."""

    seq: int
    time: str
    data: EventData
    source: str = "runr"

    @property
    def type(self) -> str:
        """The name of the event, such as `run.stopped`."""
        return self.data.type if isinstance(self.data, UnknownEvent) else _NAMES[type(self.data)]

    @property
    def payload(self) -> dict[str, Any]:
        """The event's facts as JSON, without the empty ones."""
        if isinstance(self.data, UnknownEvent):
            return self.data.payload
        encoded: dict[str, Any] = codec.encode(self.data)
        return encoded

    def to_json(self) -> dict[str, Any]:
        """Return the line of the journal."""
        return {
            "seq": self.seq,
            "time": self.time,
            "type": self.type,
            "source": self.source,
            "payload": self.payload,
        }


class _Line(NamedTuple):
    seq: int
    time: str
    type: str
    source: str = "runr"


def parse_event(raw: object) -> Event:
    """Return the event on a line of the journal; CodecError names what is wrong with it."""
    line = codec.decode(_Line, raw)
    payload = raw.get("payload", {}) if isinstance(raw, dict) else {}
    return Event(line.seq, line.time, parse_data(line.type, payload), line.source)


def parse_data(name: str, payload: object) -> EventData:
    """Return the facts of the event called `name`."""
    if not isinstance(payload, dict):
        raise CodecError("payload: expected an object")
    kind = EVENTS.get(name)
    if kind is None:
        return UnknownEvent(name, payload)
    if name == _PHASE_FINISHED:
        kind = FINISHED.get(str(payload.get("phase")), PhaseFinished)
    try:
        return codec.decode(kind, payload)
    except CodecError as error:
        raise CodecError(f"{name}: {error}") from None
