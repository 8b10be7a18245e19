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
    lines and its cost are not on the disk.
    """
    if not state.by_session or state.ended is None or state.cost_usd is not None:
        return state
    session_id = state.holder
    path = session.transcript(session_id, context.environment)
    share = session.cost(path, state.created_at, state.ended_at or "~") if path else None
    heard = _keep_transcript(context, state, session_id) if share is not None else None
    if heard is None:
        return state
    used = {
        "cost_usd": share,
        "input_tokens": heard.input_tokens,
        "output_tokens": heard.output_tokens,
        "turns": heard.turns,
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
