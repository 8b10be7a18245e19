"""The tasks as a picture shows them: boxes coloured by status, and links between them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from runr.core.standing import Standing
from runr.core.status import Evidence, State

Kind = Literal[
    "completed", "in_progress", "ready", "waiting", "blocked", "stopped", "failed", "stale"
]

#: In the order in which a legend names them.
KINDS: tuple[Kind, ...] = get_args(Kind)

#: The signs that stand for a status wherever tasks are listed.
SIGNS: Mapping[str, str] = {
    "completed": "✓",
    "in_progress": "◐",
    "stopped": "■",
    "failed": "✗",
    "pending": "○",
}
_EVIDENCE = {Evidence.ATTESTED: "✎", Evidence.INFERRED: "≈"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """The colours of a box: its line and what is in it."""

    line: str
    fill: str


PAINTS: Mapping[Kind, Paint] = {
    "completed": Paint(line="#1a7f37", fill="#dafbe1"),
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
    kind: Kind
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

    def counts(self) -> dict[Kind, int]:
        """Return how many boxes there are of each kind that occurs."""
        kinds = [box.kind for box in self.boxes]
        return {kind: kinds.count(kind) for kind in KINDS if kind in kinds}


def box(standing: Standing, critical: Collection[str] = ()) -> Box:
    """Return how the picture shows a task."""
    return Box(
        path=standing.path,
        name=standing.task.name.removesuffix(".md"),
        title=standing.task.title,
        sign=sign(standing),
        kind=kind(standing),
        critical=standing.path in critical,
    )


def sign(standing: Standing) -> str:
    """Return the sign of a task's status; a completion has that of its evidence."""
    entry = standing.entry
    usual = SIGNS[entry.status.value]
    if entry.status is not State.COMPLETED or entry.evidence is None:
        return usual
    return _EVIDENCE.get(entry.evidence, usual)


def kind(standing: Standing) -> Kind:
    """Return what a task is coloured by: its status, and whether it can go on."""
    if standing.stale:
        return "stale"
    if standing.waiting:
        return "waiting"
    match standing.entry.status:
        case State.COMPLETED:
            return "completed"
        case State.IN_PROGRESS:
            return "in_progress"
        case State.STOPPED:
            return "stopped"
        case State.FAILED:
            return "failed"
        case _:
            return "ready" if standing.ready else "blocked"
