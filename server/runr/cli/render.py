"""What a command did, as people read it in a terminal."""

from collections.abc import Sequence

from click import style

from runr.app.answers import Done


def done(answer: Done) -> str:
    """Return what a command did, and what to do next."""
    lines = [answer.message, *(f"  {line}" for line in answer.changed)]
    lines += [f"  {style('note', fg='yellow')}: {note}" for note in answer.notes]
    return "\n".join([*lines, *steps(answer.next)])


def steps(lines: Sequence[str]) -> list[str]:
    """Return the commands to type next, under their heading."""
    return ["Next:", *(f"  {line}" for line in lines)] if lines else []
