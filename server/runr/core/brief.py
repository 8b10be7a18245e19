"""What a session that does the work itself is told, as often as it asks."""

from collections.abc import Sequence

from runr.core.prompt import compose
from runr.core.runstate import RunState
from runr.core.stops import quoted
from runr.core.voice import Voice

#: Of the session's own notes, how many are told again, and how much of each.
_NOTES = 10
_NOTE = 500


def brief(state: RunState, body: str, *, notes: Sequence[str], voice: Voice) -> str:
    """Return the brief: the task, what failed last, what was noted, and how it ends.

    It stands alone, because the session may have forgotten everything else.
    """
    parts = [
        compose(state.start, body, state if state.checks else None).rstrip(),
        _out_of_scope(state),
        _noted(notes),
        _ending(state, voice),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _out_of_scope(state: RunState) -> str:
    if not state.violations:
        return ""
    paths = "\n".join(f"- {path}" for path in state.violations[:20])
    return f"# Changed out of scope\n\nUndo these before anything else:\n{paths}"


def _noted(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    lines = "\n".join(f"- {note[:_NOTE]}" for note in notes[-_NOTES:])
    return f"# Noted so far\n\n{lines}"


def _ending(state: RunState, voice: Voice) -> str:
    task = state.start.task
    name = quoted(task.removeprefix(".runr/tasks/"))
    return (
        f"# This session is the worker (run {state.id})\n\n"
        f"- Done means completed: {voice.complete(task)} checks, commits and records it, or says "
        "what failed and leaves the run open.\n"
        f"- Progress that must not be lost: `runr note {name} 'what was found or decided'`.\n"
        "- This brief again, with what failed and what was noted: "
        f"{voice.run(task, by_session=True)}.\n"
        f"- To give up, with the work kept: `runr stop {state.id} --reason 'why'`."
    )
