"""What is known of a run: how it was opened, its events, and the state they fold into. Pure."""

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from runr.scope.rules import Lockfiles
from runr.tasks.model import TaskType


class Phase(StrEnum):
    """The steps of a run, in order."""

    PREPARE = "prepare"
    PLAN = "plan"
    WORK = "work"
    VERIFY = "verify"
    REVIEW = "review"
    CHECKPOINT = "checkpoint"
    INTEGRATE = "integrate"
    RECORD = "record"


class Value(BaseModel):
    """Something that is read from and written to a run's files."""

    model_config = ConfigDict(frozen=True)


class Check(Value):
    """One command that judges the work; `tier` is tier0, tier1, tier2 or task."""

    tier: str
    command: str
    timeout_s: int


class Risk(Value):
    """A pattern of paths, and the checks that are added where a run changes one of them."""

    pattern: str
    tier: str
    checks: tuple[Check, ...] = ()


class CheckResult(Value):
    """What one check said; `exit_code` is None when it ran out of time.

    `runs` counts how often it was run: 0 for a check that was left out.
    """

    tier: str
    command: str
    exit_code: int | None
    seconds: float
    tail: str = ""
    runs: int = 1

    @property
    def passed(self) -> bool:
        """Tell whether the command ended with 0."""
        return self.exit_code == 0

    @property
    def failed(self) -> bool:
        """Tell whether the command was run and did not pass."""
        return self.runs > 0 and not self.passed

    @property
    def flaky(self) -> bool:
        """Tell whether the command passed after it had failed on the same work."""
        return self.passed and self.runs > 1


class Approval(Value):
    """A person's word for a completion."""

    by: str
    reason: str


class RunSpec(Value):
    """What the task and the settings ask of a run; they may change while it is stopped.

    `plan` and `review` name the workers of these phases, None where there are none.
    """

    title: str = ""
    task_type: TaskType = TaskType.AUTOMATED
    task_sha256: str = ""
    attempts: int = 3
    timeout_s: int = 2700
    owns: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    lockfiles: Lockfiles = "follow"
    plan: str | None = None
    review: str | None = None
    checks: tuple[Check, ...] = ()
    risks: tuple[Risk, ...] = ()
    rerun: int = 0


class RunStart(RunSpec):
    """What was decided when the run was opened.

    A run of the kind `intervention` records manual work: it says nothing about
    whether its task is done, and `task` is empty where it belongs to none. One
    of the kind `acceptance` keeps a completion after something has changed.
    `base_tree` is the working tree as it was found; `target` the branch that
    the result is brought into, None on a detached HEAD.
    """

    task: str
    kind: Literal["attempt", "intervention", "acceptance"] = "attempt"
    worker: str
    in_place: bool = False
    workdir: str
    base_sha: str
    base_tree: str
    branch: str | None = None
    target: str | None = None
    session_id: str | None = None
    forced: str | None = None


class Event(Value):
    """One line of the timeline; `seq` counts from 1."""

    seq: int
    time: str
    type: str
    source: str = "runr"
    payload: dict[str, Any] = Field(default_factory=dict)


class RunState(Value):
    """The fold of a run's events.

    `redone` tells that the open phase was broken off before. `milestones` are
    the plan's, in order; each commit in `checkpoints` is the next one's. `asked`
    holds what reviews of the current milestone asked for. `tree` is what the
    checks judged, `unsettled` how often it was another by the time it was to be
    committed. `worded` and `rejected` tell whether a person's last word about
    the work at hand was for it or against.
    """

    id: str
    start: RunStart
    seq: int = 0
    created_at: str
    updated_at: str
    phase: Phase | None = None
    open: bool = False
    outcome: str | None = None
    redone: bool = False
    attempt: int = 0
    first_attempt: int = 1
    ended: Literal["completed", "stopped"] | None = None
    ended_at: str | None = None
    stop: str | None = None
    detail: str | None = None
    verification: Literal["passed", "failed", "skipped", "none"] = "none"
    checks: tuple[CheckResult, ...] = ()
    judged: int = 0
    tree: str | None = None
    unsettled: int = 0
    milestones: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    reviewed_by: str | None = None
    violations: tuple[str, ...] = ()
    checkpoint_sha: str | None = None
    changed: int | None = None
    left_dirty: tuple[str, ...] = ()
    integration: str | None = None
    integrated_sha: str | None = None
    bring_in: str | None = None
    approval: Approval | None = None
    worded: bool = False
    rejection: Approval | None = None
    rejected: bool = False
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    turns: int = 0
    settled_until: str | None = None
    sessions: tuple[str, ...] = ()
    worker: str | None = None
    denied: tuple[str, ...] = ()
    words: str = ""

    @property
    def by_session(self) -> bool:
        """Tell whether a Claude Code session does the work itself."""
        return self.start.worker == "session"

    @property
    def holder(self) -> str | None:
        """The session that does the work: the last that took the run up, or the one it began in."""
        return self.sessions[-1] if self.sessions else self.start.session_id

    @property
    def milestone(self) -> int:
        """The number of the milestone at hand, counted from 1; 0 where nothing was planned."""
        return min(len(self.checkpoints) + 1, len(self.milestones))

    @property
    def unfinished(self) -> bool:
        """Tell whether milestones are left without a checkpoint."""
        return len(self.checkpoints) < len(self.milestones)

    @property
    def done_by(self) -> str:
        """The worker of the last attempt: a fallback, where the one that was asked for failed."""
        return self.worker or self.start.worker

    @property
    def verified_tiers(self) -> tuple[str, ...]:
        """The tiers whose checks all passed, in the order in which they ran."""
        if self.verification != "passed":
            return ()
        return tuple(dict.fromkeys(check.tier for check in self.checks))

    def changed_by(self, event: Event, **facts: object) -> Self:
        """Return the state after `event` has taught it `facts`."""
        return self.model_copy(update={"seq": event.seq, "updated_at": event.time} | facts)
