"""Where a stopped run goes on, and from where it may."""

from runr.core.run import Action, apply, next_action
from runr.core.runstate import Event, Phase, RunState

#: The phases that can be asked for.
STARTS = (Phase.WORK, Phase.VERIFY, Phase.CHECKPOINT)

_COMMITTED = (Phase.CHECKPOINT, Phase.INTEGRATE, Phase.RECORD)


def resumed(state: RunState, since: Phase | None = None) -> RunState:
    """Return what a resume would make of a stopped run."""
    payload = {"from": since} if since else {}
    event = Event(seq=state.seq + 1, time=state.updated_at, type="run.resumed", payload=payload)
    return apply(state, event)


def follows(state: RunState, since: Phase | None = None) -> Action:
    """Return what a stopped run would do first."""
    return next_action(resumed(state, since))


def refusal(state: RunState, since: Phase) -> str | None:
    """Say why a stopped run cannot go on from that phase; None where it can."""
    if since is Phase.CHECKPOINT:
        # The checkpoint itself may be repeated: the second finds the commit of the first.
        verified = state.verification == "passed" and not state.violations
        if state.phase not in (Phase.VERIFY, *_COMMITTED[:2]) or not (verified or state.approval):
            return "its work is not verified, and only verified work is committed"
        return None
    if state.checkpoint_sha or state.phase in _COMMITTED:
        return "its checkpoint is made: what came after would be in no commit"
    if since is Phase.VERIFY and state.by_session:
        return "the work of a session is verified when the session completes its task"
    if since is Phase.VERIFY and state.attempt == 0:
        return "nothing has been done that could be verified"
    return None
