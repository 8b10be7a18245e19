"""A session submits its work: its part of an attempt, its transcript, and later its usage."""

from pathlib import Path

from runr.execution.context import RunContext
from runr.runs.events import PhaseStarted, WorkFinished
from runr.runs.model import Phase, RunState, Usage
from runr.runs.session_events import UsageRecorded
from runr.storage import files
from runr.workers import claude_session


def submit_session_work(
    context: RunContext, state: RunState, base: tuple[str, str], *, by: str | None = None
) -> RunState:
    """Record that the session, or the person `by`, has finished its part of this attempt.

    What was changed since the commit and the tree of `base` is its work.
    """
    source = "person" if by else "session"
    if not (state.phase is Phase.WORK and state.phase_open):
        started = PhaseStarted(Phase.WORK, state.attempt + 1)
        state = context.journal.append(started, source=source)
    session_id = context.environment.get("CLAUDE_CODE_SESSION_ID") or state.holder
    path = claude_session.transcript_path(session_id, context.environment)
    summary = claude_session.session_slice(path, after=state.created_at).words if path else ""
    finished = WorkFinished("ok", session_id=session_id, summary=summary, by=by)
    if base != (state.start.base_sha, state.start.base_tree):
        finished = finished._replace(base_sha=base[0], base_tree=base[1])
    state = context.journal.append(finished, source=source)
    _copy_transcripts(context, state)
    return state


def record_session_usage(context: RunContext, state: RunState) -> RunState:
    """Record the usage and cost of a session run, once Claude Code has written them.

    It does so when the session ends, long after the run. A run that was resumed
    has ended more than once, and the usage since is added. Of several sessions,
    the last one has to have ended.
    """
    until = state.ended_at
    if not state.by_session or until is None or state.usage_until == until:
        return state
    after = state.usage_until or state.created_at
    paths = _transcripts(context, state)
    costs = {known: claude_session.cost(path, after, until) for known, path in paths.items()}
    if costs.get(state.holder or "") is None:
        return state
    _copy_transcripts(context, state)
    read = claude_session.session_slice(*paths.values(), after=after, until=until)
    used = Usage(
        cost_usd=sum(cost or 0.0 for cost in costs.values()),
        input_tokens=read.input_tokens,
        output_tokens=read.output_tokens,
        turns=read.turns,
    ).bounded()
    recorded = UsageRecorded(state.usage.plus(used), until)
    return context.journal.append(recorded, source="session")


def _transcripts(context: RunContext, state: RunState) -> dict[str, Path]:
    """Return the transcript of each session, in the order in which they held the run."""
    sessions = dict.fromkeys((state.start.session_id, *state.sessions))
    found = (
        (known, claude_session.transcript_path(known, context.environment))
        for known in sessions
        if known
    )
    return {known: path for known, path in found if path is not None}


def _copy_transcripts(context: RunContext, state: RunState) -> None:
    """Copy the lines of each session since the run was created, redacted, into its folder."""
    for number, path in enumerate(_transcripts(context, state).values(), 1):
        read = claude_session.session_slice(
            path, after=state.created_at, until=state.ended_at or "~"
        )
        text = "".join(f"{context.journal.redact(line)}\n" for line in read.lines)
        files.replace(context.files.transcript(number), text.encode())
