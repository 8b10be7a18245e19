"""How a run proceeds: events folded into a state, and the one action that comes next. Pure.

Nothing here touches a disk or a clock. `engine` performs what `next_action`
says, and every fact it learns becomes an event first.
"""

from collections.abc import Callable
from typing import Literal

from runr.runs import reducers
from runr.runs.model import Event, Phase, RunSpec, RunStart, RunState, Value
from runr.runs.replies import repeats
from runr.tasks.model import TaskType


class Action(Value):
    """What comes next: a phase to perform, a stop to record, a session to wait for, or nothing."""

    kind: Literal["perform", "stop", "complete", "wait", "rest"]
    phase: Phase | None = None
    attempt: int = 0
    code: str | None = None


#: (phase, outcome) → the phase that follows; PLAN and REVIEW are passed over where nobody wants
#: them. `retry`, `approve`, `settle` and `next` are decided by the state; any outcome that is not
#: in the table is the code of a stop.
FOLLOWS: dict[
    tuple[Phase, str], Phase | Literal["retry", "approve", "settle", "next", "complete"]
] = {
    (Phase.PREPARE, "ok"): Phase.PLAN,
    (Phase.PLAN, "ok"): Phase.WORK,
    (Phase.WORK, "ok"): Phase.VERIFY,
    (Phase.VERIFY, "passed"): Phase.REVIEW,
    (Phase.VERIFY, "none"): "approve",
    (Phase.VERIFY, "failed"): "retry",
    (Phase.VERIFY, "guard"): "retry",
    (Phase.REVIEW, "ok"): Phase.CHECKPOINT,
    (Phase.REVIEW, "changes"): "retry",
    (Phase.CHECKPOINT, "altered"): "settle",
    (Phase.CHECKPOINT, "ok"): "next",
    (Phase.INTEGRATE, "ok"): Phase.RECORD,
    (Phase.RECORD, "ok"): "complete",
}

#: How often work that changed behind its checks is judged again before the run stops.
_SETTLING = 2

#: The phases behind which the last checkpoint is on record.
_COMMITTED = (Phase.CHECKPOINT, Phase.INTEGRATE)

#: A phase that is performed once more.
_AGAIN: dict[str, object] = {"open": True, "outcome": None}

#: Where a resume may be told to begin: another attempt is an event of its own.
_FROM: dict[Phase, dict[str, object]] = {
    Phase.PLAN: {"phase": Phase.PLAN, **_AGAIN},
    Phase.WORK: {"phase": Phase.PLAN, "open": False, "outcome": "ok"},
    Phase.VERIFY: {"phase": Phase.VERIFY, **_AGAIN},
    Phase.REVIEW: {"phase": Phase.REVIEW, **_AGAIN},
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
    learn = _LEARNED.get(event.type)
    return state.changed_by(event, **(learn(state, event) if learn else {}))


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


def _following(state: RunState, follows: str | None) -> Action:
    match follows:
        case None:
            return _stop(state.outcome or "error")
        case "complete":
            return Action(kind="complete")
        case "retry":
            return _retry(state)
        case "approve":
            return _perform(state, Phase.CHECKPOINT) if state.worded else _stop("no_checks")
        case "settle":
            settles = state.unsettled <= _SETTLING
            return _perform(state, Phase.VERIFY) if settles else _stop("unsettled")
        case "next":
            return _next(state)
        case _:
            return _enter(state, Phase(follows))


def _stop(code: str) -> Action:
    return Action(kind="stop", code=code)


def _perform(state: RunState, phase: Phase) -> Action:
    return Action(kind="perform", phase=phase, attempt=state.attempt)


def _enter(state: RunState, phase: Phase) -> Action:
    """Begin a phase, or the one behind it where this one is not wanted."""
    match phase:
        case Phase.PLAN:
            wanted = state.start.plan and not state.by_session and state.attempt == 0
            return _perform(state, phase) if wanted else _enter(state, Phase.WORK)
        case Phase.REVIEW:
            wanted = state.start.review is not None and not state.worded
            return _perform(state, phase if wanted else Phase.CHECKPOINT)
        case Phase.WORK:
            if state.by_session:
                return Action(kind="wait")
            return Action(kind="perform", phase=phase, attempt=state.attempt + 1)
        case _:
            return _perform(state, phase)


def _retry(state: RunState) -> Action:
    """Decide behind work that is not good enough: a person's word, another attempt, or a stop."""
    if state.worded:
        return _perform(state, Phase.CHECKPOINT)
    if state.by_session:
        return Action(kind="wait")
    if state.outcome == "guard":
        return _stop("guard")
    if state.outcome == "changes" and repeats(state.asked):
        return _stop("review_repeats")
    if state.attempt - state.first_attempt + 1 >= state.start.attempts:
        return _stop("review_failed" if state.outcome == "changes" else "verification_failed")
    return _enter(state, Phase.WORK)


def _next(state: RunState) -> Action:
    """Go on behind a checkpoint: with the next milestone, a person's part, or the branch."""
    if state.unfinished:
        return _enter(state, Phase.WORK)
    if state.start.task_type is TaskType.HYBRID and not state.worded:
        return _stop("needs_human")
    return _perform(state, Phase.INTEGRATE)


def _resumed(state: RunState, event: Event) -> dict[str, object]:
    """Go on where the run stopped: a finished phase is not repeated, a broken one is."""
    again: dict[str, object] = {
        "ended": None,
        "ended_at": None,
        "stop": None,
        "detail": None,
        "first_attempt": state.attempt + 1,
        "redone": state.open,
        "unsettled": 0,
    }
    if terms := event.payload.get("terms"):
        again["start"] = state.start.model_copy(update=dict(RunSpec.model_validate(terms)))
    since = event.payload.get("from")
    if since == Phase.CHECKPOINT and state.phase in _COMMITTED and state.outcome == "ok":
        # It is looked for behind the one before: a commit that is there is found, not made twice.
        again["checkpoints"] = state.checkpoints[:-1]
    return again | (_FROM[Phase(since)] if since else _where(state))


def _where(state: RunState) -> dict[str, object]:
    """Return what a resume changes about the place where the run stands."""
    if state.rejected or (state.phase is Phase.WORK and state.outcome != "ok"):
        # The next attempt begins anew, with an event of its own.
        return _FROM[Phase.WORK]
    if state.phase is Phase.REVIEW and not state.open and state.outcome != "ok":
        # The work may have been mended by hand since, so it is judged first.
        return {"asked": ()} | _FROM[Phase.VERIFY]
    if state.phase is Phase.CHECKPOINT and state.outcome == "altered":
        return _FROM[Phase.VERIFY]
    if state.outcome in ("none", "guard") and not state.worded:
        # What judges the work may have changed since: judge it again.
        return _AGAIN
    if state.phase is not None and (state.phase, state.outcome) not in FOLLOWS:
        return _AGAIN
    return {}


_LEARNED: dict[str, Callable[[RunState, Event], dict[str, object]]] = {
    "phase.started": reducers.started,
    "phase.finished": reducers.finished,
    "run.approved": reducers.approved,
    "run.rejected": reducers.rejected,
    "run.stopped": reducers.stopped,
    "run.resumed": _resumed,
    "run.completed": reducers.completed,
    "session.joined": reducers.joined,
    "session.settled": reducers.settled,
}
