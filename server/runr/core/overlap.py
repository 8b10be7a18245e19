"""Open tasks that could run at once and own the same files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product

from runr.core.finding import Finding
from runr.core.graph import Graph, leads
from runr.core.scope import matches
from runr.core.task import Task

# Of so many tasks that own one place all pairs are looked at; beyond, what is told is enough.
_CROWD = 40


def find(open_tasks: Iterable[Task], graph: Graph, files: Sequence[str]) -> list[Finding]:
    """Return one warning for each pair; `files` are those of the repository, for patterns."""
    owners = _owners(open_tasks, files)
    told: dict[tuple[str, str], str] = {}
    for place, above in _shared(owners):
        here, there = owners[place][:_CROWD], owners[above][:_CROWD]
        pairs = combinations(here, 2) if place == above else product(here, there)
        for one, other in map(sorted, pairs):
            if one != other and (one, other) not in told and not _ordered(graph, one, other):
                told[one, other] = place
    return [_overlap(one, other, place) for (one, other), place in sorted(told.items())]


def _overlap(one: str, other: str, place: str) -> Finding:
    name = other.removeprefix(".runr/tasks/")
    message = f"{name} owns {place}, too, and neither waits for the other"
    return Finding(rule="scope-overlap", severity="warning", path=one, message=message)


def _owners(tasks: Iterable[Task], files: Sequence[str]) -> dict[str, list[str]]:
    """Map each place to the tasks that own it; a pattern stands for the files that it fits."""
    found: dict[str, list[str]] = {}
    fitting: dict[str, list[str]] = {}
    for task in tasks:
        for pattern in task.owns:
            if set(pattern) & set("*?"):
                if pattern not in fitting:
                    fitting[pattern] = [path for path in files if matches(path, (pattern,))]
                places = fitting[pattern]
            else:
                places = [pattern.removeprefix("./").strip("/") or "."]
            for place in places:
                found.setdefault(place, []).append(task.path)
    return found


def _shared(owners: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield each place with itself and every place above it that is owned, too."""
    for place in sorted(owners):
        parts = place.split("/")
        above = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
        yield from ((place, folder) for folder in {".", *above} if folder in owners)


def _ordered(graph: Graph, one: str, other: str) -> bool:
    """Tell whether one of the two waits for the other, directly or not."""
    ways = (one, other), (other, one)
    return any(leads(lambda path: graph.edges[path].paths, *way) for way in ways)
