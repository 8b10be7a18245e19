"""What a session hands in: its part of an attempt, its transcript, and in the end its cost."""

from pathlib import Path

from runr.execution.context import RunContext
from runr.runs.model import Phase, RunState
from runr.storage import files
from runr.workers import claude_session


def submit_session_work(context: RunContext, state: RunState, *, by: str | None = None) -> RunState:
    """Record that the session has done its part of this attempt, or that a person did it."""
    source = "person" if by else "session"
    if not (state.phase is Phase.WORK and state.open):
        payload = {"phase": Phase.WORK, "attempt": state.attempt + 1}
        state = context.log.append("phase.started", payload, source=source)
    session_id = context.environment.get("CLAUDE_CODE_SESSION_ID") or state.holder
    path = claude_session.transcript_path(session_id, context.environment)
    words = claude_session.session_slice(path, after=state.created_at).words if path else ""
    state = context.log.append(
        "phase.finished",
        {
            "phase": Phase.WORK,
            "outcome": "ok",
            "session_id": session_id,
            "summary": words,
        }
        | ({"by": by} if by else {}),
        source=source,
    )
    _keep_transcripts(context, state)
    return state


def record_session_usage(context: RunContext, state: RunState) -> RunState:
    """Add what a session run used and cost, once Claude Code has written it down.

    That is when the session ends, long after the run did: until then its last
    lines and its cost are not on the disk. A run that was taken up again has
    ended more than once, and what is new is added. Of several sessions it is the
    last that is waited for.
    """
    until = state.ended_at
    if not state.by_session or until is None or state.settled_until == until:
        return state
    after = state.settled_until or state.created_at
    paths = _transcripts(context, state)
    shares = {known: claude_session.cost(path, after, until) for known, path in paths.items()}
    if shares.get(state.holder or "") is None:
        return state
    _keep_transcripts(context, state)
    heard = claude_session.session_slice(*paths.values(), after=after, until=until)
    used = {
        "cost_usd": (state.cost_usd or 0.0) + sum(share or 0.0 for share in shares.values()),
        "input_tokens": state.input_tokens + heard.input_tokens,
        "output_tokens": state.output_tokens + heard.output_tokens,
        "turns": state.turns + heard.turns,
        "until": until,
    }
    return context.log.append("session.settled", used, source="session")


def _transcripts(context: RunContext, state: RunState) -> dict[str, Path]:
    """Return where each session's transcript is, in the order in which they had the run."""
    sessions = dict.fromkeys((state.start.session_id, *state.sessions))
    found = (
        (known, claude_session.transcript_path(known, context.environment))
        for known in sessions
        if known
    )
    return {known: path for known, path in found if path is not None}


def _keep_transcripts(context: RunContext, state: RunState) -> None:
    """Copy each session's lines since the run was opened, redacted, into the run's folder."""
    for number, path in enumerate(_transcripts(context, state).values(), 1):
        heard = claude_session.session_slice(
            path, after=state.created_at, until=state.ended_at or "~"
        )
        text = "".join(f"{context.log.redact(line)}\n" for line in heard.lines)
        files.replace(context.files.transcript(number), text.encode())
