"""Where a stopped run continues, and from which phases it may. Pure."""

from runr.runs.events import Event, RunResumed
from runr.runs.machine import Action, next_action
from runr.runs.model import Phase, RunState
from runr.runs.reducers import apply

#: The phases that can be asked for.
RESUMABLE_PHASES = (Phase.PLAN, Phase.WORK, Phase.VERIFY, Phase.REVIEW, Phase.CHECKPOINT)

_COMMITTED = (Phase.CHECKPOINT, Phase.INTEGRATE, Phase.RECORD)


def resumed(state: RunState, since: Phase | None = None) -> RunState:
    """Return the state of a stopped run after a resume."""
    return apply(state, Event(state.seq + 1, state.updated_at, RunResumed(since)))


def follows(state: RunState, since: Phase | None = None) -> Action:
    """Return what a stopped run would do first."""
    return next_action(resumed(state, since))


def refusal(state: RunState, since: Phase) -> str | None:
    """Return why a stopped run cannot resume from that phase; None where it can."""
    if state.restored and since not in (Phase.PLAN, Phase.WORK):
        return f"a hook put its files back, and its work is kept as {state.restored}"
    if since is Phase.CHECKPOINT:
        return _no_checkpoint(state)
    between = state.phase is Phase.CHECKPOINT and (state.unfinished or state.decision.rejected)
    if state.phase in _COMMITTED and not (since is Phase.WORK and between):
        return "its checkpoint is made: what came after would be in no commit"
    match since:
        case Phase.PLAN:
            return _no_plan(state)
        case Phase.VERIFY:
            return _no_verification(state)
        case Phase.REVIEW:
            return _no_review(state)
        case _:
            return None


def _no_checkpoint(state: RunState) -> str | None:
    # The checkpoint itself may be repeated: the second finds the commit of the first.
    if state.phase is Phase.RECORD:
        return "its checkpoint is made and integrated"
    verified = state.phase in (Phase.VERIFY, Phase.REVIEW, *_COMMITTED)
    if not verified or not (_verified(state) or state.decision.approved):
        return "its work is not verified, and only verified work is committed"
    if state.phase in (Phase.VERIFY, Phase.REVIEW) and _unreviewed(state):
        return "its work is not reviewed, and the settings ask for a review"
    return None


def _no_verification(state: RunState) -> str | None:
    if state.by_session:
        return "the work of a session is verified when the session completes its task"
    return "nothing has been done that could be verified" if state.attempt == 0 else None


def _verified(state: RunState) -> bool:
    return state.verification.result == "passed" and not state.violations


def _unreviewed(state: RunState) -> bool:
    passed = state.phase is Phase.REVIEW and state.outcome == "ok"
    return state.spec.review is not None and not (passed or state.decision.approved)


def _no_plan(state: RunState) -> str | None:
    if state.spec.plan is None:
        return "its settings name no planner: set `plan` under [phases] in .runr/config.toml"
    if state.checkpoints:
        return "a milestone of its plan is committed already"
    return "a session does the work itself" if state.by_session else None


def _no_review(state: RunState) -> str | None:
    if state.spec.review is None:
        return "its settings name no reviewer: set `review` under [phases] in .runr/config.toml"
    if state.phase not in (Phase.VERIFY, Phase.REVIEW) or not _verified(state):
        return "its work is not verified, and only verified work is reviewed"
    return None
