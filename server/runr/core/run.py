"""How a run proceeds: events folded into a state, and the one action that comes next.

Nothing here touches a disk or a clock. `engine` performs what `next_action`
says, and every fact it learns becomes an event first.
"""

from typing import Any, Literal

from runr.core.runstate import (
    Approval,
    CheckResult,
    Event,
    Phase,
    RunStart,
    RunState,
    Terms,
    Value,
)
from runr.core.task import TaskType


class Action(Value):
    """What comes next: a phase to perform, a stop to record, a session to wait for, or nothing."""

    kind: Literal["perform", "stop", "complete", "wait", "rest"]
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
    (Phase.VERIFY, "guard"): "retry",
    (Phase.CHECKPOINT, "ok"): "approve",
    (Phase.INTEGRATE, "ok"): Phase.RECORD,
    (Phase.RECORD, "ok"): "complete",
}


#: What a session run turns out to have used, once its session has ended.
_USE = ("cost_usd", "input_tokens", "output_tokens", "turns")

#: A phase that is performed once more.
_AGAIN: dict[str, object] = {"open": True, "outcome": None}

#: Where a resume may be told to begin: another attempt is an event of its own.
_FROM: dict[Phase, dict[str, object]] = {
    Phase.WORK: {"phase": Phase.PREPARE, "open": False, "outcome": "ok"},
    Phase.VERIFY: {"phase": Phase.VERIFY, **_AGAIN},
    Phase.CHECKPOINT: {"phase": Phase.CHECKPOINT, **_AGAIN},
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
        case "session.settled":
            return state.changed_by(event, **{key: facts[key] for key in _USE})
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
        if state.by_session and state.phase is Phase.WORK:
            return Action(kind="wait")
        return Action(kind="perform", phase=state.phase, attempt=state.attempt)
    return _following(state, FOLLOWS.get((state.phase, state.outcome or "")))


def _following(state: RunState, follows: Phase | str | None) -> Action:
    match follows:
        case None:
            return Action(kind="stop", code=state.outcome or "error")
        case "complete":
            return Action(kind="complete")
        case "retry":
            return _retry(state)
        case "approve":
            return _approve(state)
        case _:
            phase = Phase(follows)
            if phase is Phase.WORK and state.by_session:
                return Action(kind="wait")
            attempt = state.attempt + 1 if phase is Phase.WORK else state.attempt
            return Action(kind="perform", phase=phase, attempt=attempt)


def _retry(state: RunState) -> Action:
    """Decide after checks that failed: a person's word, another attempt, or a stop."""
    if state.approval is not None:
        return Action(kind="perform", phase=Phase.CHECKPOINT, attempt=state.attempt)
    if state.by_session:
        return Action(kind="wait")
    if state.outcome == "guard":
        return Action(kind="stop", code="guard")
    if state.attempt - state.first_attempt + 1 >= state.start.attempts:
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
        {"checks": (), "violations": (), "verification": "none", "detail": None}
        if phase is Phase.VERIFY
        else {}
    )
    return state.changed_by(event, phase=phase, open=True, outcome=None, attempt=attempt, **fresh)


def _finished(state: RunState, event: Event) -> RunState:
    facts = dict(event.payload)
    phase, outcome = Phase(facts.pop("phase")), facts.pop("outcome")
    learned: dict[str, object] = {
        "phase": phase,
        "open": False,
        "outcome": outcome,
        "redone": False,
    }
    if phase is Phase.WORK:
        learned |= _work_facts(state, facts)
    elif phase is Phase.VERIFY:
        learned |= {
            "verification": outcome if outcome in ("passed", "failed", "none") else "none",
            "checks": tuple(CheckResult.model_validate(check) for check in facts["checks"]),
            "violations": tuple(facts.get("violations", ())),
            "judged": state.attempt,
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
        "worker": facts.get("worker") or state.worker,
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
        "redone": state.open,
    }
    if terms := event.payload.get("terms"):
        again["start"] = state.start.model_copy(update=dict(Terms.model_validate(terms)))
    if since := event.payload.get("from"):
        again |= _FROM[Phase(since)]
    elif state.phase is Phase.WORK and state.outcome != "ok":
        # The next attempt begins anew, with an event of its own.
        again |= _FROM[Phase.WORK]
    elif state.outcome in ("none", "guard") and state.approval is None:
        # What judges the work may have changed since: judge it again.
        again |= _AGAIN
    elif state.phase is not None and (state.phase, state.outcome) not in FOLLOWS:
        again |= _AGAIN
    return state.changed_by(event, **again)
