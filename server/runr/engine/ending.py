"""How a run ends: the event, then its line in the status file, then its story.

Apart from `execute`, so that whoever only ends a run need not load what carries one on.
"""

from runr.core.runstate import RunState
from runr.engine import record
from runr.engine.context import RunContext


def stop(context: RunContext, code: str, detail: str | None = None) -> RunState:
    """End the run with a reason; the work is kept."""
    state = context.log.append("run.stopped", {"code": code, "detail": detail})
    record.status(context, state, if_current=True)
    record.story(context, state)
    return state


def complete(context: RunContext) -> RunState:
    """End the run as completed.

    Whoever is killed behind the event leaves a task in progress, of which the
    next look makes a completed one.
    """
    state = context.log.append("run.completed", {})
    record.status(context, state)
    record.story(context, state)
    return state
