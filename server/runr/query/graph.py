"""How tasks depend on each other: names resolved, blockers, cycles. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from runr.status.model import UNTOUCHED, Entry, State
from runr.tasks.model import Task
from runr.tasks.names import Resolver

#: Tasks of a cycle that are named; every task on it carries the text.
_NAMED = 8


class Edges(NamedTuple):
    """One task's dependencies: those that exist, and what is wrong with the others."""

    paths: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


_NO_EDGES = Edges()


def edges(task: Task, resolver: Resolver) -> Edges:
    """Resolve the names in `depends_on`."""
    if not task.depends_on:
        return _NO_EDGES
    found: list[str] = []
    problems: list[str] = []
    for name in dict.fromkeys(task.depends_on):
        matches = resolver.find(name, beside=task.path)
        if not matches:
            problems.append(f"{name} (no such task)")
        elif len(matches) > 1:
            problems.append(f"{name} (ambiguous: {', '.join(matches)})")
        elif matches[0] == task.path:
            problems.append(f"{name} (the task itself)")
        else:
            found.append(matches[0])
    return Edges(tuple(dict.fromkeys(found)), tuple(problems))


class Graph(NamedTuple):
    """All tasks' dependencies, resolved."""

    edges: Mapping[str, Edges]
    cycles: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, tasks: Iterable[Task]) -> "Graph":
        """Resolve all dependencies and find the cycles."""
        known = tuple(tasks)
        resolver = Resolver.of(known)
        resolved = {task.path: edges(task, resolver) for task in known}
        return cls(resolved, _cycles({path: edge.paths for path, edge in resolved.items()}))

    def dependents(self) -> dict[str, list[str]]:
        """Return for each task those that depend on it, in the order of their paths."""
        found: dict[str, list[str]] = {path: [] for path in self.edges}
        for path, own in self.edges.items():
            for need in own.paths:
                found[need].append(path)
        return found

    def blockers(
        self, path: str, entries: Mapping[str, Entry], unfit: Mapping[str, str] | None = None
    ) -> tuple[str, ...]:
        """Return what keeps the task from starting: open dependencies, bad names, a cycle.

        A completed dependency counts as open where it is `unfit` to build on, with the reason.
        """
        own = self.edges.get(path, _NO_EDGES)
        unfinished = [
            dependency
            for dependency in own.paths
            if entries.get(dependency, UNTOUCHED).status is not State.COMPLETED
        ]
        if unfit:
            unfinished += [
                f"{dependency} ({unfit[dependency]})"
                for dependency in own.paths
                if dependency in unfit
            ]
        cycle = self.cycles.get(path)
        return (*unfinished, *own.problems, *([describe_cycle(cycle)] if cycle else []))


def describe_cycle(cycle: Sequence[str]) -> str:
    """Return the cycle as text: all its tasks, or the first of many."""
    if len(cycle) <= _NAMED + 1:
        return f"cycle: {' → '.join(cycle)}"
    return f"cycle of {len(cycle) - 1} tasks: {' → '.join(cycle[:_NAMED])} → … → {cycle[-1]}"


def leads(needs: Callable[[str], Iterable[str]], start: str, wanted: str) -> bool:
    """Tell whether `start` waits for `wanted`, directly or not; `needs` are a task's own."""
    pending, seen = [start], {start}
    while pending:
        for before in needs(pending.pop()):
            if before == wanted:
                return True
            if before not in seen:
                seen.add(before)
                pending.append(before)
    return False


def _cycles(edges: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Map tasks to a cycle that they are on, at least one task of every cycle; not recursive."""
    found: dict[str, tuple[str, ...]] = {}
    done: set[str] = set()
    for root, own in edges.items():
        # What depends on nothing is on no cycle.
        if root in done or not own:
            continue
        trail: list[str] = [root]
        place = {root: 0}
        pending = [iter(own)]
        while pending:
            child = next(pending[-1], None)
            if child is None:
                pending.pop()
                done.add(trail[-1])
                del place[trail.pop()]
            elif child in found and trail[-1] in found:
                continue  # one cycle is enough, and there may be far too many to list
            elif child in place:
                loop = (*trail[place[child] :], child)
                found.update(dict.fromkeys(loop, loop))
            elif child not in done and child in edges:
                place[child] = len(trail)
                trail.append(child)
                pending.append(iter(edges[child]))
    return found
