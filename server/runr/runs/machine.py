"""How a run proceeds: the transition table, and the one action that comes next. Pure.

`execution.loop` performs what `next_action` returns; every fact that it learns becomes an event
first.
"""

from typing import Literal, NamedTuple

from runr.runs.model import BASE_GONE, UNCHECKED, Phase, RunState
from runr.runs.replies import repeats


class Action(NamedTuple):
    """What comes next: a phase to perform, a stop to record, a session to wait for, or nothing."""

    kind: Literal["perform", "stop", "complete", "wait", "rest"]
    phase: Phase | None = None
    attempt: int = 0
    code: str | None = None


#: (phase, outcome) → the phase that follows; PLAN and REVIEW are skipped where they are not
#: configured. `retry`, `approve`, `reverify`, `next` and `rework` depend on the state; any outcome
#: that is not in the table is a stop code.
FOLLOWS: dict[
    tuple[Phase, str],
    Phase | Literal["retry", "approve", "reverify", "next", "rework", "complete"],
] = {
    (Phase.PREPARE, "ok"): Phase.PLAN,
    (Phase.PREPARE, "moved"): Phase.VERIFY,
    (Phase.PREPARE, "conflict"): "rework",
    (Phase.PLAN, "ok"): Phase.WORK,
    (Phase.WORK, "ok"): Phase.VERIFY,
    (Phase.VERIFY, "passed"): Phase.REVIEW,
    (Phase.VERIFY, "none"): "approve",
    (Phase.VERIFY, "no_changes"): "approve",
    (Phase.VERIFY, "failed"): "retry",
    (Phase.VERIFY, "scope_violation"): "retry",
    (Phase.VERIFY, "mixed_changes"): "retry",
    (Phase.VERIFY, UNCHECKED): Phase.PREPARE,
    (Phase.REVIEW, "ok"): Phase.CHECKPOINT,
    (Phase.REVIEW, "changes"): "retry",
    (Phase.CHECKPOINT, "altered"): "reverify",
    (Phase.CHECKPOINT, "ok"): "next",
    (Phase.INTEGRATE, "ok"): Phase.RECORD,
    (Phase.INTEGRATE, "fails_on_target"): "rework",
    (Phase.INTEGRATE, "merge_conflict"): "rework",
    (Phase.INTEGRATE, BASE_GONE): Phase.PREPARE,
    (Phase.INTEGRATE, UNCHECKED): Phase.PREPARE,
    (Phase.RECORD, "ok"): "complete",
}

#: How often work that changed during its checks is verified again before the run stops.
_MAX_REVERIFICATIONS = 2


def next_action(state: RunState) -> Action:
    """Return the one thing to do now."""
    if state.result:
        return Action("rest")
    if state.phase is None:
        return Action("perform", Phase.PREPARE)
    if state.phase_open:
        if state.by_session and state.phase is Phase.WORK:
            return Action("wait")
        return _perform(state, state.phase)
    if state.outcome == "hook_refused" and state.by_session:
        return Action("wait")
    return _following(state, FOLLOWS.get((state.phase, state.outcome or "")))


def _following(state: RunState, follows: str | None) -> Action:
    match follows:
        case None:
            return _stop(state.outcome or "error")
        case "complete":
            return Action("complete")
        case "retry":
            return _retry(state)
        case "approve":
            return _approve(state)
        case "reverify":
            again = state.verification.retries <= _MAX_REVERIFICATIONS
            return _perform(state, Phase.VERIFY) if again else _stop("unstable_tree")
        case "next":
            return _next(state)
        case "rework":
            return _rework(state)
        case _:
            return _enter(state, Phase(follows))


def _stop(code: str) -> Action:
    return Action("stop", code=code)


def _perform(state: RunState, phase: Phase) -> Action:
    return Action("perform", phase, state.attempt)


def _enter(state: RunState, phase: Phase) -> Action:
    """Begin a phase, or the one after it where this one is not configured."""
    match phase:
        case Phase.PLAN:
            planned = state.spec.plan and not state.by_session and state.attempt == 0
            return _perform(state, phase) if planned else _enter(state, Phase.WORK)
        case Phase.REVIEW:
            rework = state.rework
            moved = rework.unchanged and rework.committed and not rework.files
            done = state.decision.approved or moved
            reviewed = state.spec.review is not None and not done
            return _perform(state, phase if reviewed else Phase.CHECKPOINT)
        case Phase.WORK:
            if state.by_session:
                return Action("wait")
            return Action("perform", phase, state.attempt + 1)
        case _:
            return _perform(state, phase)


def _retry(state: RunState) -> Action:
    """Decide what follows work that is not good enough: an approval, another attempt, or a stop."""
    if state.rework.unchanged and (code := _cannot_land(state)):
        return _stop(code)
    if state.decision.approved:
        return _perform(state, Phase.CHECKPOINT)
    if state.by_session:
        return Action("wait")
    if state.outcome in ("scope_violation", "mixed_changes"):
        return _stop(state.outcome)
    if state.outcome == "changes" and repeats(state.review.feedback):
        return _stop("review_loop")
    if state.attempt - state.attempts_from + 1 >= state.spec.attempts:
        return _stop("review_failed" if state.outcome == "changes" else "verification_failed")
    if state.outcome == "failed" and _may_move(state):
        return _perform(state, Phase.PREPARE)
    return _enter(state, Phase.WORK)


def _cannot_land(state: RunState) -> str | None:
    """Return why work that was moved stays there, where no attempt is left to repair it."""
    if state.outcome != "failed" or _has_attempt(state):
        return None
    if state.rework.files:
        return "merge_conflict"
    return None if state.decision.approved else "fails_on_target"


def _approve(state: RunState) -> Action:
    """Commit work that only a person can approve, where one has; a session can still do it."""
    if state.decision.approved:
        return _perform(state, Phase.CHECKPOINT)
    if state.outcome == "no_changes":
        return Action("wait") if state.by_session else _stop("no_changes")
    return _stop("no_checks")


def _next(state: RunState) -> Action:
    """Continue after a checkpoint: with the next milestone, a person's part, or the branch."""
    if state.unfinished:
        return _enter(state, Phase.WORK)
    if state.spec.task_type == "hybrid" and not state.decision.approved:
        return _stop("needs_human")
    return _perform(state, Phase.INTEGRATE)


def _rework(state: RunState) -> Action:
    """Put the work on top of its branch, which has moved, for a further attempt; or stop.

    After a resume, as by `runr land`, no attempt was made yet: none is then begun.
    """
    if state.phase is Phase.PREPARE:
        # It is there already, with the markers of a conflict.
        return _enter(state, Phase.WORK) if _has_attempt(state) else _stop("merge_conflict")
    if _has_attempt(state) and _may_move(state):
        return _perform(state, Phase.PREPARE)
    return _stop(state.outcome or "error")


def _has_attempt(state: RunState) -> bool:
    """Tell whether an attempt was made and another is left for work that cannot land."""
    made = state.attempt - state.attempts_from + 1
    return _may_rework(state) and 0 < made < state.spec.attempts


def _may_move(state: RunState) -> bool:
    """Tell whether the work may be put on top of its branch, where it has failed."""
    return bool(state.rework.why) and _may_rework(state)


def _may_rework(state: RunState) -> bool:
    left = state.rework.times - state.rework.moves < state.spec.landing_attempts
    return left and not (state.by_session or state.decision.approved)
