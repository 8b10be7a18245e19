"""How a run ends: the event, then its line in the status file, then its story.

Apart from `execute`, so that whoever only ends a run need not load what carries one on.
"""

from contextlib import suppress

from runr.core.runstate import RunState
from runr.engine import record
from runr.engine.context import RunContext
from runr.store import runlog


def stop(context: RunContext, code: str, detail: str | None = None) -> RunState:
    """End the run with a reason; the work is kept."""
    state = context.log.append("run.stopped", {"code": code, "detail": detail})
    record.status(context, state, if_current=True)
    _tell(context, state)
    return state


def finish(context: RunContext) -> None:
    """Do what follows from an end of which only the timeline tells; nothing for an open run."""
    state = context.log.keep_up()
    if state.ended:
        record.status(context, state, if_current=True)
        _tell(context, state)


def interrupt(context: RunContext, detail: str) -> RunState:
    """End a run whose process is gone, or going: as stopped where somebody asked for it."""
    wanted = ("stop.requested", "run.resumed")
    last = [event for event in runlog.events(context.files) if event.type in wanted][-1:]
    if last and last[0].type == "stop.requested":
        return stop(context, "stopped", last[0].payload.get("detail", detail))
    return stop(context, "interrupted", detail)


def complete(context: RunContext) -> RunState:
    """End the run as completed.

    Whoever is killed behind the event leaves a task in progress, of which the
    next look makes a completed one.
    """
    state = context.log.append("run.completed", {})
    record.status(context, state)
    _tell(context, state)
    return state


def _tell(context: RunContext, state: RunState) -> None:
    try:
        record.story(context, state)
    except OSError:
        # Whoever asks for the report has it made: only an older one would be taken for it.
        with suppress(OSError):
            context.files.report.unlink(missing_ok=True)
