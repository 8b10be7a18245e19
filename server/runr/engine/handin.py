"""What a session hands in: its part of an attempt, its transcript, and in the end its cost."""

from runr.core.runstate import Phase, RunState
from runr.engine.context import RunContext
from runr.store import files
from runr.workers import session
from runr.workers.session import Stretch


def hand_in(context: RunContext, state: RunState, *, by: str | None = None) -> RunState:
    """Record that the session has done its part of this attempt, or that a person did it."""
    source = "person" if by else "session"
    if not (state.phase is Phase.WORK and state.open):
        payload = {"phase": Phase.WORK, "attempt": state.attempt + 1}
        state = context.log.append("phase.started", payload, source=source)
    session_id = context.environment.get("CLAUDE_CODE_SESSION_ID") or state.holder
    heard = _keep_transcript(context, state, session_id)
    return context.log.append(
        "phase.finished",
        {
            "phase": Phase.WORK,
            "outcome": "ok",
            "session_id": session_id,
            "summary": heard.words if heard else "",
        }
        | ({"by": by} if by else {}),
        source=source,
    )


def settle(context: RunContext, state: RunState) -> RunState:
    """Add what a session run used and cost, once Claude Code has written it down.

    That is when the session ends, long after the run did: until then its last
    lines and its cost are not on the disk. A run that was taken up again has
    ended more than once, and what is new is added.
    """
    until = state.ended_at
    if not state.by_session or until is None or state.settled_until == until:
        return state
    path = session.transcript(state.holder, context.environment)
    after = state.settled_until or state.created_at
    share = session.cost(path, after, until) if path else None
    if path is None or share is None:
        return state
    _keep_transcript(context, state, state.holder)
    heard = session.between(path, after, until)
    used = {
        "cost_usd": (state.cost_usd or 0.0) + share,
        "input_tokens": state.input_tokens + heard.input_tokens,
        "output_tokens": state.output_tokens + heard.output_tokens,
        "turns": state.turns + heard.turns,
        "until": until,
    }
    return context.log.append("session.settled", used, source="session")


def _keep_transcript(
    context: RunContext, state: RunState, session_id: str | None
) -> Stretch | None:
    """Copy the session's lines since the run was opened, redacted, into the run's folder."""
    path = session.transcript(session_id, context.environment)
    if path is None:
        return None
    heard = session.between(path, state.created_at, state.ended_at or "~")
    text = "".join(f"{context.log.redact(line)}\n" for line in heard.lines)
    files.replace(context.files.transcript(1), text.encode())
    return heard
