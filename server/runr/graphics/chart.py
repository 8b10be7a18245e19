"""The tasks as a picture shows them: boxes coloured by status, and links between them. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from runr.query.task_state import DISPLAY_STATUSES, DisplayStatus, TaskState
from runr.status.model import Evidence, State
from runr.text import printable

#: In the order in which a legend names them.

#: The sign of each status wherever tasks are listed.
SIGNS: Mapping[str, str] = {
    "completed": "✓",
    "unmerged": "◌",
    "in_progress": "◐",
    "stopped": "■",
    "failed": "✗",
    "pending": "○",
}
_EVIDENCE = {
    Evidence.WORKSPACE: "◇",
    Evidence.ATTESTED: "✎",
    Evidence.RELAYED: "»",
    Evidence.INFERRED: "≈",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """The colours of a box: its line and what is in it."""

    line: str
    fill: str


PAINTS: Mapping[DisplayStatus, Paint] = {
    "verified": Paint(line="#1a7f37", fill="#dafbe1"),
    "verified_in_workspace": Paint(line="#4d7c0f", fill="#ecf8d4"),
    "attested": Paint(line="#4f5fc4", fill="#e8eafc"),
    "relayed": Paint(line="#8c5a9e", fill="#f7ebfa"),
    "inferred": Paint(line="#7a7f2a", fill="#f6f6dc"),
    "completed": Paint(line="#57606a", fill="#eaeef2"),
    "unmerged": Paint(line="#953800", fill="#fff1e5"),
    "in_progress": Paint(line="#0f7b8a", fill="#d3f4f7"),
    "ready": Paint(line="#0969da", fill="#ddf4ff"),
    "waiting": Paint(line="#8250df", fill="#f5edff"),
    "blocked": Paint(line="#6e7781", fill="#f3f5f7"),
    "stopped": Paint(line="#9a6700", fill="#fff5c7"),
    "failed": Paint(line="#cf222e", fill="#ffe4e3"),
    "stale": Paint(line="#bc4c00", fill="#ffeadb"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One task of the picture; `critical` is on the longest chain of what is open."""

    path: str
    name: str
    title: str
    sign: str
    kind: DisplayStatus
    critical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The boxes in the order of their paths, and for each what it needs."""

    boxes: tuple[Box, ...]
    needs: Mapping[str, Sequence[str]]
    critical: tuple[str, ...] = ()

    def arrows(self) -> list[tuple[str, str, bool]]:
        """Return every link from a task to one that needs it, and whether it is critical."""
        steps = set(zip(self.critical, self.critical[1:], strict=False))
        return [
            (need, box.path, (need, box.path) in steps)
            for box in self.boxes
            for need in self.needs[box.path]
        ]

    def counts(self) -> dict[DisplayStatus, int]:
        """Return how many boxes there are of each kind that occurs."""
        kinds = [box.kind for box in self.boxes]
        return {kind: kinds.count(kind) for kind in DISPLAY_STATUSES if kind in kinds}


def box(task_state: TaskState, critical: Collection[str] = ()) -> Box:
    """Return how the picture shows a task."""
    return Box(
        path=task_state.path,
        name=task_state.task.name.removesuffix(".md"),
        title=task_state.task.title,
        sign=sign(task_state),
        kind=task_state.display_status,
        critical=task_state.path in critical,
    )


def sign(task_state: TaskState) -> str:
    """Return the sign of a task's status; a completion has that of its evidence."""
    entry = task_state.entry
    if task_state.unmerged:
        return SIGNS["unmerged"]
    usual = SIGNS[entry.status.value]
    if entry.status is not State.COMPLETED or entry.evidence is None:
        return usual
    return _EVIDENCE.get(entry.evidence, usual)


def render_dot(chart: Chart) -> str:
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
    shown = printable(text)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'


# Everything that Mermaid could read as more than text.
_ESCAPES = {ord(sign): f"#{ord(sign)};" for sign in '#"&<>;`\\[]{}()|'}


def render_mermaid(chart: Chart) -> str:
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
    shown = printable(text)
    return shown.translate(_ESCAPES)
