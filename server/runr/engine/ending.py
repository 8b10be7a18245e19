"""How a run ends: the event, then its line in the status file, then its story.

Apart from `execute`, so that whoever only ends a run need not load what carries one on.
"""

from runr.core.runstate import RunState
from runr.engine import record
from runr.engine.context import RunContext
from runr.store import runlog


def stop(context: RunContext, code: str, detail: str | None = None) -> RunState:
    """End the run with a reason; the work is kept."""
    state = context.log.append("run.stopped", {"code": code, "detail": detail})
    record.status(context, state, if_current=True)
    record.story(context, state)
    return state


def interrupt(context: RunContext, detail: str) -> RunState:
    """End a run whose process is gone, or going: as stopped where somebody asked for it."""
    wanted = ("stop.requested", "run.resumed")
    kinds = [event.type for event in runlog.events(context.files) if event.type in wanted]
    asked = kinds[-1:] == ["stop.requested"]
    return stop(context, "stopped" if asked else "interrupted", detail)


def complete(context: RunContext) -> RunState:
    """End the run as completed.

    Whoever is killed behind the event leaves a task in progress, of which the
    next look makes a completed one.
    """
    state = context.log.append("run.completed", {})
    record.status(context, state)
    record.story(context, state)
    return state
