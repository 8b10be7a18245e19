"""Charts as tables that a style sheet draws: a screen reader reads the table. Pure.

The sheet is Charts.css. Sizes are classes, not `style` attributes, so that the page's policy can
forbid every style that is not in its one sheet.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from runr.text import printable

#: Sizes are given in as many steps.
STEPS = 400
_CLASSES = re.compile(r'class="([^"]*)"')
#: As many labels fit under a chart, also on a phone.
_LABELS = 6


class Bar(NamedTuple):
    """One bar, or a point of a line: its size, and what it says."""

    size: float
    said: str


class ChartRow(NamedTuple):
    """The bars at one place of a chart; `short` is seen under it where the label is too long."""

    label: str
    bars: Sequence[Bar]
    short: str = ""


def text(value: str) -> str:
    """Return text for HTML, whatever is in it."""
    return escape(printable(value))


def stacked_columns(caption: str, rows: Sequence[ChartRow], heads: Sequence[str]) -> str:
    """Return a chart of columns, each of several parts."""
    most = max((sum(bar.size for bar in row.bars) for row in rows), default=0)
    body = (
        _row(row, [f"s{_step(bar.size, most)}" for bar in row.bars], shown)
        for row, shown in _labelled(rows)
    )
    return _table("column multiple stacked", caption, heads, body)


def area(
    caption: str, rows: Sequence[ChartRow], heads: Sequence[str], goals: Sequence[float]
) -> str:
    """Return a chart of an area under a line that begins at zero, and of a line at the goals."""
    most = max((*goals, *(row.bars[0].size for row in rows)))
    steps = [0, *(_step(row.bars[0].size, most) for row in rows)]
    body = (
        _row(row, [f"f{start} t{end}"], shown, f"g{_step(goal, most)}")
        for (row, shown), start, end, goal in zip(
            _labelled(rows), steps[:-1], steps[1:], goals, strict=True
        )
    )
    return _table("area", caption, heads, body)


def bars(caption: str, rows: Sequence[ChartRow], heads: Sequence[str]) -> str:
    """Return a chart of horizontal bars, with what each says beside it."""
    most = max((row.bars[0].size for row in rows), default=0)
    body = (_row(row, [f"s{_step(row.bars[0].size, most)}"], shown=True) for row in rows)
    return _table("bar", caption, heads, body)


def size_rules(html: str) -> str:
    """Return the rules of the sizes that a page uses."""
    used = {name for names in _CLASSES.findall(html) for name in names.split()}
    names = {"s": "--size", "f": "--start", "t": "--end", "g": "--goal"}
    return "".join(
        f".{letter}{step}{{{name}:{step / STEPS:.4g}}}"
        for letter, name in names.items()
        for step in range(STEPS + 1)
        if f"{letter}{step}" in used
    )


def _step(size: float, most: float) -> int:
    """Return a size in steps; what there is of something is always seen."""
    return max(1, round(size / most * STEPS)) if size > 0 else 0


def _labelled(rows: Sequence[ChartRow]) -> Iterable[tuple[ChartRow, bool]]:
    every = -(-len(rows) // _LABELS) if rows else 1
    return ((row, number % every == 0) for number, row in enumerate(rows))


def _row(row: ChartRow, classes: Sequence[str], shown: bool, kind: str = "") -> str:
    label = text(row.label)
    named = f'<span class="unseen">{label}</span>'
    if shown:
        named = (
            f'<b aria-hidden="true">{text(row.short)}</b>{named}'
            if row.short
            else f"<b>{label}</b>"
        )
    cells = "".join(
        f'<td role="cell" class="{sizes}"><span class="data">{text(bar.said)}</span></td>'
        for bar, sizes in zip(row.bars, classes, strict=True)
    )
    own = f' class="{kind}"' if kind else ""
    return f'<tr role="row"{own}><th role="rowheader" scope="row">{named}</th>{cells}</tr>'


def _table(kind: str, caption: str, heads: Sequence[str], body: Iterable[str]) -> str:
    named = "".join(f'<th scope="col">{text(head)}</th>' for head in heads)
    return (
        f'<table role="table" class="charts-css {kind} show-heading show-labels show-primary-axis'
        f' show-4-secondary-axes"><caption>{text(caption)}</caption>'
        f'<thead><tr>{named}</tr></thead><tbody role="rowgroup">{"".join(body)}</tbody></table>'
    )
