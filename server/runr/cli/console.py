"""Signs, columns, progress and next steps: what the renderers have in common."""

from __future__ import annotations  # runs are named here, and loaded only where there are any

import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from runr.next_steps.step import HERE, Line, Location, NextStep
from runr.query.models import CommandResult, TaskSummary
from runr.text import ProgressScope, closest_match, display_width, pluralize

if TYPE_CHECKING:
    from runr.query.detail_models import RunDetails

#: Where a command keeps the warnings that its answer has.
WARNINGS = "runr.warnings"

_DELAY_S = 1.0
_TEXT_AND_CODE = re.compile(r"([^\x1b]*)(\x1b\[[\d;]*m|$)")
_ECHO = partial(click.echo, err=True)


def show_progress(*, as_json: bool) -> ProgressScope:
    """Return the announcer of slow steps: silent unless standard error is a terminal."""
    return announce_after if sys.stderr.isatty() and not as_json else nullcontext


@contextmanager
def announce_after(
    step: str,
    *,
    delay_s: float = _DELAY_S,
    echo: Callable[[str], object] = _ECHO,
) -> Iterator[None]:
    """Print the step if it takes longer than `delay_s`."""
    timer = threading.Timer(delay_s, echo, (f"runr: {step} …",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


#: A longer name moves the rest of its own line only.
_MAX_COLUMN = 60


def column_width(texts: Iterable[str]) -> int:
    """Return the width of the column with these texts; 0 without any."""
    return min(max(map(display_width, texts), default=0), _MAX_COLUMN)


def cut(text: str, width: int) -> str:
    """Return `text`, or as much of it as fits into `width` columns."""
    return text if display_width(text) <= width else f"{_begin(text, width - 1)}…"


def _begin(text: str, width: int) -> str:
    """Return as much of `text` as fits into `width` columns."""
    while text and display_width(text) > width:
        text = text[:-1]
    return text


def cut_row(row: str, name: str) -> str:
    """Return the row of a list, cut to the width of the terminal, but not before its name ends.

    Colour codes have no width.
    """
    width, plain = line_width(), click.unstyle(row)
    if width is None or display_width(plain) <= width:
        return row
    whole = display_width(plain[: plain.index(name) + len(name)])
    room, kept = max(width - 1, whole), ""
    for text, code in _TEXT_AND_CODE.findall(row):
        kept += _begin(text, room) + code
        room = max(0, room - display_width(text))
    return f"{kept}…"


def wrap(begin: str, text: str, indent: int) -> list[str]:
    """Return `begin` and the words of `text` as lines of the terminal, those after it indented.

    Where standard output is no terminal it is one line. No word is divided.
    """
    width, lines = line_width(), [begin]
    for word in text.split():
        line = lines[-1]
        if width is not None and line.strip() and _shown_width(f"{line}{word}") > width:
            lines.append(" " * indent)
        lines[-1] += f"{word} "
    return [line.rstrip() for line in lines]


def fits(row: str) -> bool:
    """Tell whether a row fits into a line of the terminal."""
    width = line_width()
    return width is None or _shown_width(row) <= width


def _shown_width(text: str) -> int:
    return display_width(click.unstyle(text))


def line_width() -> int | None:
    """Return how many columns the terminal has; None where standard output is none."""
    if not sys.stdout.isatty():
        return None
    import shutil  # noqa: PLC0415 - what is read by a program needs no columns

    return shutil.get_terminal_size().columns


def style(text: str, **attributes: Any) -> str:
    """Return `text` with colour codes, and without any where there is nothing to colour."""
    wanted = {key: value for key, value in attributes.items() if value}
    return click.style(text, **wanted) if text and wanted else text


class Choice(click.Choice[str]):
    """One of several words; the error for another one names the nearest."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Return the error for a word that is none of them."""
        near = closest_match(str(value), self.choices)
        offer = f" Did you mean {near!r}?" if near else ""
        return f"{super().get_invalid_choice_message(value, ctx)}{offer}"


def render_result(answer: CommandResult) -> str:
    """Return what a command did, and the next commands."""
    lines = [answer.message, *(f"  {line}" for line in answer.changed)]
    lines += [f"  {style('note', fg='yellow')}: {note}" for note in answer.notes]
    return "\n".join([*lines, *render_next_steps(answer.next_steps)])


#: The key of what tells where a command was typed, in the context of the command.
LOCATION = "runr.location"


def location() -> Location:
    """Return where the command that is running was typed."""
    context = click.get_current_context(silent=True)
    look = context.meta.get(LOCATION) if context else None
    return look() if look else HERE


def written(steps: Iterable[NextStep]) -> list[Line]:
    """Return steps as they are typed where the running command was."""
    return [step.shell(location()) for step in steps]


def render_next_steps(lines: Sequence[Line]) -> list[str]:
    """Return the next commands under their heading."""
    return ["Next:", *(f"  {line}" for line in lines)] if lines else []


STATUS_COLORS: Mapping[str, str | None] = {
    "verified": "green",
    "verified_in_workspace": "green",
    "attested": "blue",
    "relayed": "yellow",
    "inferred": "blue",
    "completed": None,
    "unmerged": "yellow",
    "in_progress": "cyan",
    "ready": None,
    "waiting": "magenta",
    "blocked": None,
    "stopped": "yellow",
    "failed": "red",
    "stale": "yellow",
}
_LABELS = {
    "verified_in_workspace": "verified in the workspace",
    "completed": "completed without evidence",
    "in_progress": "running",
    "waiting": "waiting for a person",
}


def status_label(status: str) -> str:
    """Return what a display status is called in a terminal."""
    return _LABELS.get(status, status)


def render_counts(counts: Mapping[str, int]) -> str:
    """Return how many tasks there are of each display status: `3 tasks: 1 ready, 2 blocked`."""
    shown = [
        style(f"{counts[status]} {status_label(status)}", fg=color)
        for status, color in STATUS_COLORS.items()
        if counts.get(status)
    ]
    return f"{pluralize(sum(counts.values()), 'task')}: {', '.join(shown)}"


_MARKS = {
    "completed": ("✓", "green"),
    "unmerged": ("◌", "yellow"),
    "in_progress": ("◐", "cyan"),
    "stopped": ("■", "yellow"),
    "failed": ("✗", "red"),
    "pending": ("○", None),
    "running": ("◐", "cyan"),
}

#: The sign of a completion depends on its evidence.
_EVIDENCE = {
    "verified": "✓",
    "verified_in_workspace": "◇",
    "attested": "✎",
    "relayed": "»",
    "inferred": "≈",
}


def task_sign(row: TaskSummary) -> str:
    """Return the sign for the task's status and evidence."""
    status = shown_status(row)
    sign, colour = _MARKS[status]
    if status == "completed":
        sign = _EVIDENCE.get(row.evidence or "", sign)
    return style(sign, fg=colour)


def shown_status(row: TaskSummary) -> str:
    """Return the status; of a completed task whose work is not on this branch, that it is not."""
    return "unmerged" if row.unmerged else row.status


def sign_of(status: str) -> str:
    """Return the sign for a status."""
    sign, colour = _MARKS[status]
    return style(sign, fg=colour)


def evidence_sign(level: str | None) -> str:
    """Return the sign of a completion with this evidence."""
    return style(_EVIDENCE.get(level or "", "?"), fg="green" if level else "yellow")


def run_sign(run: RunDetails) -> str:
    """Return the sign for how a run ended."""
    sign, colour = _MARKS[run.status]
    if run.another_clone:
        sign, colour = "?", "yellow"
    elif run.commit_place:
        sign, colour = "◌", "yellow"
    elif run.approved_by or run.relayed_by:
        sign = _EVIDENCE["relayed" if run.relayed_by else "attested"]
    elif run.status == "completed" and run.verified_in == "workspace":
        sign = _EVIDENCE["verified_in_workspace"]
    return style(sign, fg=colour)


def styled(status: str) -> str:
    """Return the status in its colour."""
    return style(status, fg=_MARKS[status][1])
