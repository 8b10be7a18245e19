"""The receipt for manual work: who did it, why, and what was changed."""

from collections.abc import Sequence

from runr.core.report import Stat, changes, headline
from runr.core.runstate import RunState


def render(state: RunState, stat: Sequence[Stat]) -> str:
    """Return the receipt as Markdown."""
    word = state.approval
    rows = [
        ("Run", f"`{state.id}`"),
        ("Task", f"`{state.start.task}`" if state.start.task else None),
        ("Who", word.by if word else None),
        ("Why", " ".join(word.reason.split()) if word else None),
        ("When", f"{state.ended_at[:19]}Z" if state.ended_at else None),
        ("Branch", f"`{state.start.target}`" if state.start.target else None),
        ("Commit", f"`{state.checkpoint_sha}`" if state.checkpoint_sha else None),
        ("Why it stopped", state.detail if state.stop else None),
    ]
    facts = "\n".join(f"- {name}: {value}" for name, value in rows if value)
    note = "This is manual work: no check judged it, and it completes no task."
    return "\n\n".join([f"# {headline(state)}", facts, note, changes(state, stat)]) + "\n"
