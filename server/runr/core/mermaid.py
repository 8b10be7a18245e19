"""A chart in the language of Mermaid, as GitHub shows it in Markdown."""

from runr.core.chart import PAINTS, Chart

# Everything that Mermaid could read as more than text.
_ESCAPES = {ord(sign): f"#{ord(sign)};" for sign in '#"&<>;`\\[]{}()|'}


def draw(chart: Chart) -> str:
    """Return the chart as a flowchart from left to right."""
    ids = {box.path: f"t{number}" for number, box in enumerate(chart.boxes)}
    lines = ["flowchart LR"]
    lines += [
        f'  {ids[box.path]}["{_text(f"{box.sign} {box.name}")}"]:::{box.kind}'
        for box in chart.boxes
    ]
    arrows = chart.arrows()
    lines += [
        f"  {ids[start]} {'==>' if critical else '-->'} {ids[end]}"
        for start, end, critical in arrows
    ]
    lines += [
        f"  classDef {kind} fill:{PAINTS[kind].fill},stroke:{PAINTS[kind].line},color:#1f2328"
        for kind in chart.counts()
    ]
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return shown.translate(_ESCAPES)
