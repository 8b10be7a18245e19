"""What a run is: events folded into a state, and the one action that comes next.

Nothing here touches a disk or a clock. `engine` performs what `next_action`
says, and every fact it learns becomes an event first.
"""

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from runr.core.task import TaskType


class Phase(StrEnum):
    """The steps of a run, in order."""

    PREPARE = "prepare"
    WORK = "work"
    VERIFY = "verify"
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


class CheckResult(Value):
    """What one check said; `exit_code` is None when it ran out of time."""

    tier: str
    command: str
    exit_code: int | None
    seconds: float
    tail: str = ""

    @property
    def passed(self) -> bool:
        return self.exit_code == 0


class Approval(Value):
    """A person's word for a completion."""

    by: str
    reason: str


class RunStart(Value):
    """What was decided when the run was opened.

    `base_tree` is the working tree as it was found; `target` the branch that
    the result is brought into, None on a detached HEAD.
    """

    task: str
    title: str = ""
    task_type: TaskType = TaskType.AUTOMATED
    task_sha256: str = ""
    worker: str
    in_place: bool = False
    workdir: str
    base_sha: str
    base_tree: str
    branch: str | None = None
    target: str | None = None
    attempts: int = 3
    timeout_s: int = 2700
    owns: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
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
    """The fold of a run's events."""

    id: str
    start: RunStart
    seq: int = 0
    created_at: str
    updated_at: str
    phase: Phase | None = None
    open: bool = False
    outcome: str | None = None
    attempt: int = 0
    first_attempt: int = 1
    ended: Literal["completed", "stopped"] | None = None
    ended_at: str | None = None
    stop: str | None = None
    detail: str | None = None
    verification: Literal["passed", "failed", "skipped", "none"] = "none"
    checks: tuple[CheckResult, ...] = ()
    violations: tuple[str, ...] = ()
    checkpoint_sha: str | None = None
    changed: int | None = None
    left_dirty: tuple[str, ...] = ()
    integration: str | None = None
    integrated_sha: str | None = None
    bring_in: str | None = None
    approval: Approval | None = None
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    turns: int = 0
    sessions: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    words: str = ""

    @property
    def by_session(self) -> bool:
        """Tell whether a Claude Code session does the work itself."""
        return self.start.worker == "session"

    @property
    def verified_tiers(self) -> tuple[str, ...]:
        """The tiers whose checks all passed, in the order in which they ran."""
        if self.verification != "passed":
            return ()
        return tuple(dict.fromkeys(check.tier for check in self.checks))

    def changed_by(self, event: Event, **facts: object) -> Self:
        return self.model_copy(update={"seq": event.seq, "updated_at": event.time} | facts)


class Action(Value):
    """What comes next: a phase to perform, a stop to record, or nothing more."""

    kind: Literal["perform", "stop", "complete", "rest"]
    phase: Phase | None = None
    attempt: int = 0
    code: str | None = None


#: (phase, outcome) → the phase that follows. `retry` and `approve` are decided by the state;
#: any outcome that is not in the table is the code of a stop.
FOLLOWS: dict[tuple[Phase, str], Phase | Literal["retry", "approve", "complete"]] = {
    (Phase.PREPARE, "ok"): Phase.WORK,
    (Phase.WORK, "ok"): Phase.VERIFY,
    (Phase.VERIFY, "passed"): Phase.CHECKPOINT,
    (Phase.VERIFY, "none"): "approve",
    (Phase.VERIFY, "failed"): "retry",
    (Phase.CHECKPOINT, "ok"): "approve",
    (Phase.INTEGRATE, "ok"): Phase.RECORD,
    (Phase.RECORD, "ok"): "complete",
}


def begin(run_id: str, event: Event) -> RunState:
    """Return the state of a run of which only the first event is known."""
    return RunState(
        id=run_id,
        start=RunStart.model_validate(event.payload),
        seq=event.seq,
        created_at=event.time,
        updated_at=event.time,
    )


def apply(state: RunState, event: Event) -> RunState:
    """Return `state` after `event`; an event of an unknown type changes only the clock."""
    facts = event.payload
    match event.type:
        case "phase.started":
            return _started(state, event)
        case "phase.finished":
            return _finished(state, event)
        case "run.approved":
            return state.changed_by(event, approval=Approval.model_validate(facts))
        case "run.stopped":
            return state.changed_by(
                event,
                ended="stopped",
                ended_at=event.time,
                stop=facts["code"],
                detail=facts.get("detail") or None,
            )
        case "run.resumed":
            return _resumed(state, event)
        case "run.completed":
            return state.changed_by(event, ended="completed", ended_at=event.time, open=False)
        case _:
            return state.changed_by(event)


def fold(run_id: str, events: list[Event]) -> RunState:
    """Return the state after all `events`; the first one opens the run."""
    state = begin(run_id, events[0])
    for event in events[1:]:
        state = apply(state, event)
    return state


def next_action(state: RunState) -> Action:
    """Return the one thing to do now."""
    if state.ended:
        return Action(kind="rest")
    if state.phase is None:
        return Action(kind="perform", phase=Phase.PREPARE)
    if state.open:
        return Action(kind="perform", phase=state.phase, attempt=state.attempt)
    follows = FOLLOWS.get((state.phase, state.outcome or ""))
    if follows is None:
        return Action(kind="stop", code=state.outcome or "error")
    if follows == "complete":
        return Action(kind="complete")
    if follows == "retry":
        return _retry(state)
    if follows == "approve":
        return _approve(state)
    attempt = state.attempt + 1 if follows is Phase.WORK else state.attempt
    return Action(kind="perform", phase=follows, attempt=attempt)


def _retry(state: RunState) -> Action:
    used = state.attempt - state.first_attempt + 1
    if not state.by_session and used >= state.start.attempts:
        return Action(kind="stop", code="verification_failed")
    return Action(kind="perform", phase=Phase.WORK, attempt=state.attempt + 1)


def _approve(state: RunState) -> Action:
    if state.phase is Phase.VERIFY:
        if state.approval is None:
            return Action(kind="stop", code="no_checks")
        return Action(kind="perform", phase=Phase.CHECKPOINT, attempt=state.attempt)
    if state.start.task_type is TaskType.HYBRID and state.approval is None:
        return Action(kind="stop", code="needs_human")
    return Action(kind="perform", phase=Phase.INTEGRATE, attempt=state.attempt)


def _started(state: RunState, event: Event) -> RunState:
    phase = Phase(event.payload["phase"])
    attempt = event.payload.get("attempt", state.attempt)
    fresh: dict[str, object] = (
        {"checks": (), "violations": (), "verification": "none"} if phase is Phase.VERIFY else {}
    )
    return state.changed_by(event, phase=phase, open=True, outcome=None, attempt=attempt, **fresh)


def _finished(state: RunState, event: Event) -> RunState:
    facts = dict(event.payload)
    phase, outcome = Phase(facts.pop("phase")), facts.pop("outcome")
    learned: dict[str, object] = {"phase": phase, "open": False, "outcome": outcome}
    if phase is Phase.WORK:
        learned |= _work_facts(state, facts)
    elif phase is Phase.VERIFY:
        learned |= {
            "verification": outcome if outcome in ("passed", "failed", "none") else "none",
            "checks": tuple(CheckResult.model_validate(check) for check in facts["checks"]),
            "violations": tuple(facts.get("violations", ())),
        }
    elif phase is Phase.CHECKPOINT and outcome == "ok":
        learned |= {
            "checkpoint_sha": facts["sha"],
            "changed": facts["changed"],
            "left_dirty": tuple(facts.get("left_dirty", ())),
        }
    elif phase is Phase.INTEGRATE and outcome == "ok":
        learned |= {
            "integration": facts["how"],
            "integrated_sha": facts.get("sha"),
            "bring_in": facts.get("command"),
        }
    learned["detail"] = facts.get("detail") or state.detail
    return state.changed_by(event, **learned)


def _work_facts(state: RunState, facts: dict[str, Any]) -> dict[str, object]:
    cost = facts.get("cost_usd")
    session = facts.get("session_id")
    known = (*state.sessions, session) if session else state.sessions
    return {
        "cost_usd": state.cost_usd if cost is None else (state.cost_usd or 0.0) + cost,
        "input_tokens": state.input_tokens + facts.get("input_tokens", 0),
        "output_tokens": state.output_tokens + facts.get("output_tokens", 0),
        "turns": state.turns + facts.get("turns", 0),
        "sessions": tuple(dict.fromkeys(known)),
        "denied": tuple(facts.get("denied", ())),
        "words": facts.get("summary", ""),
    }


def _resumed(state: RunState, event: Event) -> RunState:
    """Go on where the run stopped: a finished phase is not repeated, a broken one is."""
    again: dict[str, object] = {
        "ended": None,
        "ended_at": None,
        "stop": None,
        "detail": None,
        "first_attempt": state.attempt + 1,
    }
    if state.phase is Phase.WORK:
        again |= {"open": True, "attempt": state.attempt + 1}
    elif state.stop in ("no_checks", "guard") and state.approval is None:
        # What judges the work may have changed since: judge it again.
        again |= {"phase": Phase.VERIFY, "open": True}
    return state.changed_by(event, **again)
