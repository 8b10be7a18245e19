"""A chart as SVG: one file that needs nothing else, for light and dark surroundings. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from html import escape

from runr.graphics.chart import PAINTS, Box, Chart
from runr.graphics.layout import Layout, Point, Spacing, layout_graph
from runr.query.task_state import DisplayStatus

_SPACING = Spacing()
_MARGIN = 24
_HEAD = 62

#: Columns of text that fit into a box, in its two sizes.
_NAME, _TITLE = 24, 29

# What XML 1.0 has no place for, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_STYLE = """
text { font-family: ui-sans-serif, system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
.page { fill: #ffffff } .head { font-size: 15px; font-weight: 600 }
.small { font-size: 11px; fill: #59636e } .name { font-size: 12.5px; font-weight: 600 }
.way { fill: none; stroke: #afb8c1; stroke-width: 1.4 }
.way.critical { stroke: #1f2328; stroke-width: 2.2 } .way.round { stroke: #cf222e }
.tip { fill: #afb8c1 } .tip.critical { fill: #1f2328 } .tip.round { fill: #cf222e }
.box { stroke-width: 1.2 } .critical .box { stroke-width: 2.4 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .page { fill: #0d1117 } .small { fill: #9198a1 }
.way { stroke: #57606a } .way.critical { stroke: #e6edf3 } .way.round { stroke: #ff7b72 }
.tip { fill: #57606a } .tip.critical { fill: #e6edf3 } .tip.round { fill: #ff7b72 }
.box { fill-opacity: .14 }
}"""


def render_svg(chart: Chart) -> str:
    """Return the chart as an SVG document; the same chart is the same text."""
    layout = layout_graph(chart.needs, _SPACING)
    width = max(layout.width, 640) + 2 * _MARGIN
    height = layout.height + _HEAD + 2 * _MARGIN
    size = f'width="{_n(width)}" height="{_n(height)}"'
    seen = f'viewBox="0 0 {_n(width)} {_n(height)}" role="img"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {seen}>',
        f"<title>{_text(_headline(chart))}</title>",
        f"<style>{_STYLE}\n{_paints()}\n</style>",
        f'<rect class="page" {size}/>',
        *_head(chart),
        f'<g transform="translate({_MARGIN} {_MARGIN + _HEAD})">',
        *_ways(chart, layout),
        *(line for box in chart.boxes for line in _box(box, layout.corners[box.path])),
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _headline(chart: Chart) -> str:
    total = "1 task" if len(chart.boxes) == 1 else f"{len(chart.boxes)} tasks"
    longest = len(chart.critical)
    return f"{total}, critical path {longest} long" if longest > 1 else total


def _paints() -> str:
    return "\n".join(
        f".{kind} .box {{ stroke: {paint.line}; fill: {paint.fill} }}"
        f" .{kind} .edge, .{kind} .sign {{ fill: {paint.line} }}"
        for kind, paint in PAINTS.items()
    )


def _head(chart: Chart) -> Iterable[str]:
    """Yield what the picture shows, and the legend of its colours."""
    yield f'<text class="head" x="{_MARGIN}" y="{_MARGIN + 10}">{_text(_headline(chart))}</text>'
    x = float(_MARGIN)
    for kind, count in chart.counts().items():
        message = f"{count} {_spoken(kind)}"
        yield f'<g class="{kind}">'
        yield f'<rect class="box" x="{_n(x)}" y="{_MARGIN + 24}" width="12" height="12" rx="3"/>'
        yield f'<text class="small" x="{_n(x + 18)}" y="{_MARGIN + 34}">{message}</text></g>'
        x += 36 + 6.2 * len(message)


def _spoken(kind: DisplayStatus) -> str:
    return {"in_progress": "in progress", "waiting": "for a person"}.get(kind, kind)


def _ways(chart: Chart, layout: Layout) -> Iterable[str]:
    arrows = [arrow for arrow in chart.arrows() if arrow[0] != arrow[1]]
    for start, end, critical in sorted(arrows, key=lambda arrow: arrow[2]):
        way = layout.ways[start, end]
        x, y = way[-1]
        back = x < way[0][0]
        style = " round" if back else " critical" if critical else ""
        yield f'<path class="way{style}" d="{_round(way) if back else _curve(way)}"/>'
        yield f'<path class="tip{style}" d="M{_n(x)} {_n(y)}l-7 -3.6v7.2z"/>'


def _curve(way: tuple[Point, ...]) -> str:
    """Return a line that leaves and arrives level, and bends in the gaps between columns."""
    x, y = way[0]
    drawn = [f"M{_n(x)} {_n(y)}"]
    for number, (to, down) in enumerate(way[1:], 1):
        end = to - 6 if number == len(way) - 1 else to
        if abs(down - y) < 1:
            drawn.append(f"L{_n(end)} {_n(down)}")
        else:
            half = (x + end) / 2
            drawn.append(f"C{_n(half)} {_n(y)} {_n(half)} {_n(down)} {_n(end)} {_n(down)}")
        x, y = end, down
    return "".join(drawn)


def _round(way: tuple[Point, ...]) -> str:
    """Return a line that goes back, around the boxes at its ends; it has no lanes."""
    (x, y), (to, down) = way
    under = max(y, down) + _SPACING.height / 2 + _SPACING.down / 2
    return (
        f"M{_n(x)} {_n(y)}C{_n(x + 26)} {_n(y)} {_n(x + 26)} {_n(under)} {_n(x)} {_n(under)}"
        f"H{_n(to)}C{_n(to - 26)} {_n(under)} {_n(to - 26)} {_n(down)} {_n(to - 6)} {_n(down)}"
    )


def _box(box: Box, corner: Point) -> Iterable[str]:
    x, y = corner
    classes = f"{box.kind} critical" if box.critical else box.kind
    message = _spoken(box.kind)
    below = message if box.title in (box.name, box.name.rsplit("/", 1)[-1]) else box.title
    size = f'width="{_n(_SPACING.width)}" height="{_n(_SPACING.height)}"'
    yield f'<g class="{classes}" transform="translate({_n(x)} {_n(y)})">'
    yield f"<title>{_text(f'{box.path}: {message}')}</title>"
    yield f'<rect class="box" {size} rx="7"/>'
    yield f'<text class="name sign" x="12" y="20">{box.sign}</text>'
    yield f'<text class="name" x="30" y="20">{_text(_ending(box.name, _NAME))}</text>'
    yield f'<text class="small" x="30" y="36">{_text(_beginning(below, _TITLE))}</text></g>'


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))


def _beginning(text: str, columns: int) -> str:
    kept = _fitting(text, columns)
    return text if len(kept) == len(text) else f"{_fitting(text, columns - 1)}…"


def _ending(text: str, columns: int) -> str:
    """Return the end of a name: where names are long, they differ there."""
    turned = text[::-1]
    kept = _fitting(turned, columns)
    return text if len(kept) == len(text) else f"…{_fitting(turned, columns - 1)[::-1]}"


def _fitting(text: str, columns: int) -> str:
    for place, sign in enumerate(text):
        columns -= 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        if columns < 0:
            return text[:place]
    return text


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
