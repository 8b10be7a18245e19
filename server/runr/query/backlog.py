"""What is still to be done, as a graph: what it waits for at root, what it unblocks, how long.

Pure.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from runr.query.graph import Graph
from runr.query.task_state import TaskState

Links = Mapping[str, Sequence[str]]

#: How many tasks are counted in one walk: a set of them is one whole number.
_AT_ONCE = 8192


class Backlog(NamedTuple):
    """The open tasks with the links between them; nothing completed is in it.

    `needs` holds what a task waits for, `unblocks` what waits for it. `groups`
    has every task behind all that it needs; tasks that wait for each other
    share a group.
    """

    needs: Links
    unblocks: Links
    groups: tuple[tuple[str, ...], ...]

    @classmethod
    def of(
        cls,
        graph: Graph,
        task_states: Mapping[str, TaskState],
        among: Collection[str] | None = None,
    ) -> "Backlog":
        """Return the part of `graph` that is open, or what of it is `among` these paths."""
        unblocks: dict[str, list[str]] = {
            path: []
            for path in graph.edges
            if task_states[path].open and (among is None or path in among)
        }
        needs = {
            path: tuple(need for need in graph.edges[path].paths if need in unblocks)
            for path in unblocks
        }
        for path, needed in needs.items():
            for need in needed:
                unblocks[need].append(path)
        return cls(needs=needs, unblocks=unblocks, groups=tuple(groups(needs)))

    def reach(self) -> dict[str, int]:
        """Return how many tasks wait for each one, directly or through others."""
        place = {path: number for number, group in enumerate(self.groups) for path in group}
        behind = [
            {place[after] for path in group for after in self.unblocks[path]} - {number}
            for number, group in enumerate(self.groups)
        ]
        sizes = [len(group) for group in self.groups]
        counts = [size - 1 for size in sizes]
        for first in range(0, len(sizes), _AT_ONCE):
            _count(behind, sizes, counts, first)
        return {path: counts[number] for path, number in place.items()}

    def longest(self) -> tuple[str, ...]:
        """Return the critical path: the longest chain in which each task waits for the one before.

        Tasks on a cycle are in no chain, nor are their dependents.
        """
        best: dict[str, tuple[int, str | None]] = {}
        for path, *others in self.groups:
            if others or any(need not in best for need in self.needs[path]):
                continue
            last = max(self.needs[path], key=lambda need: best[need][0], default=None)
            best[path] = (best[last][0] + 1 if last else 1, last)
        chain: list[str] = []
        end = max(best, key=lambda path: best[path][0], default=None)
        while end is not None:
            chain.append(end)
            end = best[end][1]
        return tuple(reversed(chain))

    def causes(
        self, path: str, task_states: Mapping[str, TaskState]
    ) -> tuple[tuple[str, str], ...]:
        """Return what the task waits for at root: tasks, each with what holds it up itself.

        That is nothing (``""``) where the task only has to be done; else a bad
        name, a way round, or a commit that is not on this branch.
        """
        found: dict[tuple[str, str], None] = {}
        message: set[str] = set()
        for place in reached(path, self.needs):
            own = [cause for cause in task_states[place].blocked_by if cause not in self.needs]
            fresh = [cause for cause in own if cause not in message]
            message.update(fresh)  # a way round is the same for all that are on it
            found |= dict.fromkeys((place, cause) for cause in fresh)
            if not own and not self.needs.get(place) and place != path:
                found[place, ""] = None
        return tuple(found)


def reached(start: str, links: Links) -> dict[str, None]:
    """Return `start` and everything that the links lead to from there, the nearest first."""
    found = {start: None}
    layer = [start]
    while layer:
        further = dict.fromkeys(end for path in layer for end in links.get(path, ()))
        layer = [path for path in further if path not in found]
        found |= dict.fromkeys(layer)
    return found


def linked_pairs(links: Links, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of the pairs of which one leads to the other, directly or through others."""
    asked = list(pairs)
    order = tuple(groups(links))
    found = set()
    for first in range(0, len(asked), _AT_ONCE):
        some = asked[first : first + _AT_ONCE]
        bits = {path: 1 << number for number, path in enumerate({p for pair in some for p in pair})}
        sets: dict[str, int] = {}
        for group in order:
            reach = 0
            for path in group:
                reach |= bits.get(path, 0)
                for end in links[path]:
                    reach |= sets.get(end, 0)
            sets |= dict.fromkeys(group, reach)
        for one, other in some:
            if sets[one] & bits[other] or sets[other] & bits[one]:
                found.add((one, other))
    return found


def groups(links: Links) -> Iterator[tuple[str, ...]]:
    """Yield what is linked in a circle together, and each behind all that it links to.

    Tarjan's strongly connected components, without recursion.
    """
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    trail: dict[str, None] = {}
    for root in links:
        pending = [] if root in number else [(root, iter(links[root]))]
        while pending:
            path, rest = pending[-1]
            if path not in number:
                number[path] = low[path] = len(number)
                trail[path] = None
            for child in rest:
                if child not in number:
                    pending.append((child, iter(links[child])))
                    break
                if child in trail:
                    low[path] = min(low[path], number[child])
            else:
                pending.pop()
                if pending:
                    above = pending[-1][0]
                    low[above] = min(low[above], low[path])
                if low[path] == number[path]:
                    yield tuple(_unwound(trail, path))


def _unwound(trail: dict[str, None], path: str) -> Iterator[str]:
    last = None
    while last != path:
        last, _ = trail.popitem()
        yield last


def _count(behind: Sequence[set[int]], sizes: Sequence[int], counts: list[int], first: int) -> None:
    """Add to `counts` how many of the next groups' tasks depend on each group."""
    end = min(first + _AT_ONCE, len(sizes))
    sets = [0] * first
    begin = 0
    for size in sizes[first:end]:
        sets.append(((1 << size) - 1) << begin)  # a bit for each task of the group
        begin += size
    for place in range(end - 1, -1, -1):
        found = 0
        for after in behind[place]:
            if after < end:
                found |= sets[after]
        counts[place] += found.bit_count()
        sets[place] |= found
