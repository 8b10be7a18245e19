"""A chart in the language of Graphviz."""

from runr.core.chart import PAINTS, Box, Chart


def draw(chart: Chart) -> str:
    """Return the chart as a directed graph from left to right."""
    lines = [
        "digraph tasks {",
        '  graph [rankdir=LR, ranksep=0.7, nodesep=0.2, fontname="sans-serif"]',
        '  node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=11]',
        '  edge [color="#afb8c1", arrowsize=0.7]',
        *(f"  {_quoted(box.path)} [{_look(box)}]" for box in chart.boxes),
    ]
    for start, end, critical in chart.arrows():
        look = ' [color="#1f2328", penwidth=2]' if critical else ""
        lines.append(f"  {_quoted(start)} -> {_quoted(end)}{look}")
    return "\n".join([*lines, "}"]) + "\n"


def _look(box: Box) -> str:
    paint = PAINTS[box.kind]
    facts = {
        "label": f"{box.sign} {box.name}",
        "tooltip": box.title,
        "color": paint.line,
        "fillcolor": paint.fill,
    }
    wide = ", penwidth=2" if box.critical else ""
    return ", ".join(f"{name}={_quoted(value)}" for name, value in facts.items()) + wide


def _quoted(text: str) -> str:
    # A backslash begins one of Graphviz's own escapes, such as \\N for a node's name.
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
