"""A graph as an indented tree: each task once, and a reference wherever it comes up again. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Links = Mapping[str, Sequence[str]]

#: How many leaves that look alike are shown; the rest are counted.
_ALIKE = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the tree.

    `again` refers to an earlier line, `round` to a task that this one is itself
    below, `deeper` stands for `count` children that are not shown for want of
    depth, `more` for `count` further leaves like the one before.
    """

    stem: str
    path: str
    kind: Literal["task", "again", "round", "deeper", "more"] = "task"
    count: int = 0


def lines(
    roots: Sequence[str], links: Links, *, depth: int, alike: Callable[[str], str]
) -> Iterator[Line]:
    """Yield the tree below the roots; leaves for which `alike` says the same are folded."""
    opened: set[str] = set()
    above: dict[str, None] = {}
    rows = _folded(roots, links, alike)
    pending: list[tuple[str, Iterator[tuple[str, int, bool]]]] = [("", iter(rows))]
    while pending:
        stem, rest = pending[-1]
        path, more, last = next(rest, ("", -1, True))
        if more < 0:
            pending.pop()
            if above:
                above.popitem()
            continue
        top = len(pending) == 1
        branch = "" if top else f"{stem}{'└─ ' if last else '├─ '}"
        below = "" if top else f"{stem}{'   ' if last else '│  '}"
        children = links.get(path, ())
        if more:
            yield Line(branch, path, "more", more)
        elif path in above:
            yield Line(branch, path, "round")
        elif path in opened:
            yield Line(branch, path, "again")
        elif children and len(pending) >= depth:
            yield Line(branch, path, "deeper", len(children))
        else:
            yield Line(branch, path)
            opened.add(path)
            if children:
                above[path] = None
                pending.append((below, iter(_folded(children, links, alike))))


def _folded(
    paths: Sequence[str], links: Links, alike: Callable[[str], str]
) -> list[tuple[str, int, bool]]:
    """Return the paths with the number of further ones each represents, and which is the last."""
    kept: list[tuple[str, int]] = []
    leaves: dict[str, list[str]] = {}
    for path in paths:
        if links.get(path):
            kept.append((path, 0))
            continue
        same = leaves.setdefault(alike(path), [])
        same.append(path)
        if len(same) <= _ALIKE:
            kept.append((path, 0))
    for same in leaves.values():
        left = len(same) - _ALIKE
        if left > 0:
            kept.append((same[-1], left))
    return [(path, more, number == len(kept)) for number, (path, more) in enumerate(kept, 1)]
