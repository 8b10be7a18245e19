"""What a job has to do: its tasks with their steps, and the order that follows from them. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from runr.jobs.model import Retries, When
from runr.query.graph import describe_cycle
from runr.tasks.model import short_name
from runr.tasks.names import natural_key

_END = "end of "


class Item(NamedTuple):
    """One task of a step.

    `needs` are the tasks of the same job that its header depends on. `estimate_s` is how long
    its last runs took, where there were any.
    """

    task: str
    step: str
    needs: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    manual: bool = False
    priority: int = 0
    timeout_s: int | None = None
    retries: Retries = Retries()
    estimate_s: float | None = None

    @property
    def track(self) -> str:
        """The track of the step."""
        return self.step.partition("/")[0]


class StepOrder(NamedTuple):
    """A step, and those that come before it: `after` those it depends on, `previous` its own."""

    name: str
    after: tuple[str, ...] = ()
    previous: str | None = None
    when: When = "succeeded"

    @property
    def befores(self) -> tuple[str, ...]:
        """All steps that have to end first."""
        return (*self.after, *((self.previous,) if self.previous else ()))


class Work(NamedTuple):
    """Everything that a job has to do."""

    items: tuple[Item, ...]
    steps: tuple[StepOrder, ...]


class Ordering(NamedTuple):
    """What follows from the order alone.

    `remaining` is how long the longest chain is that begins with a task, itself included;
    `cycles` are the tasks that can never start, each with the reason. `ranked` are all tasks:
    the longest chain first, then by priority, then by name.
    """

    remaining: Mapping[str, float]
    cycles: Mapping[str, str]
    ranked: tuple[Item, ...]


def ordering(work: Work) -> Ordering:
    """Return the length of the chain that begins with each task, and what is on a cycle."""
    befores = _befores(work)
    known = [item.estimate_s for item in work.items if item.estimate_s is not None]
    usual = sum(known) / len(known) if known else 1.0
    weights = {item.task: item.estimate_s or usual for item in work.items}
    order = _sorted(befores)
    remaining = {node: weights.get(node, 0.0) for node in befores}
    for node in reversed(order):
        for before in befores[node]:
            length = weights.get(before, 0.0) + remaining[node]
            remaining[before] = max(remaining[before], length)
    stuck = _cycles(befores, befores.keys() - set(order))
    ranked = sorted(
        work.items,
        key=lambda item: (-remaining[item.task], -item.priority, natural_key(item.task)),
    )
    return Ordering(
        remaining={task: remaining[task] for task in weights},
        ranked=tuple(ranked),
        cycles={task: stuck[task] for task in weights if task in stuck},
    )


def _befores(work: Work) -> dict[str, tuple[str, ...]]:
    """Map each task, and each step's end, to what comes before it.

    Ends keep the number of pairs small where many tasks follow many others.
    """
    order = {step.name: step for step in work.steps}
    befores: dict[str, tuple[str, ...]] = {}
    of_step: dict[str, list[str]] = {step.name: [] for step in work.steps}
    tasks = {item.task for item in work.items}
    for item in work.items:
        ends = (_end(name) for name in order[item.step].befores)
        befores[item.task] = (*(need for need in item.needs if need in tasks), *ends)
        of_step[item.step].append(item.task)
    for step in work.steps:
        # A step without tasks passes on what comes before it.
        befores[_end(step.name)] = (*of_step[step.name], *map(_end, step.befores))
    return befores


def _end(step: str) -> str:
    return f"{_END}{step}"


def _sorted(befores: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the nodes, each behind all that come before it; those on cycles are left out."""
    left = {node: len(set(some)) for node, some in befores.items()}
    afters: dict[str, list[str]] = {node: [] for node in befores}
    for node, some in befores.items():
        for before in set(some):
            afters[before].append(node)
    free = [node for node, count in left.items() if count == 0]
    for node in free:  # grows while it is read
        for after in afters[node]:
            left[after] -= 1
            if left[after] == 0:
                free.append(after)
    return free


def _cycles(befores: Mapping[str, tuple[str, ...]], stuck: Collection[str]) -> dict[str, str]:
    """Map nodes of which each waits for another one of them to the cycle that keeps it."""
    among = {node: tuple(each for each in befores[node] if each in stuck) for node in sorted(stuck)}
    # What no other of them waits for is on no cycle, and so on.
    behind = _sorted(_reversed(among))
    inner = {node: some for node, some in among.items() if node not in set(behind)}
    found: dict[str, str] = {}
    # A cycle of steps keeps all of their tasks, however many ways lead through them.
    steps = {node: some for node, some in inner.items() if node.startswith(_END)}
    for nodes in (steps, inner):
        for node in nodes:
            if node not in found and (loop := _loop(nodes, node)):
                of_steps = (found[each] for each in loop if each in steps and each in found)
                why = next(of_steps, None) or _described(loop)
                found = {**dict.fromkeys(loop, why), **found}
    # A node between two cycles, or behind one, is kept by the one before it.
    rest = [*(node for node in inner if node not in found), *reversed(behind)]
    while rest:
        left = [node for node in rest if not _follows(node, among, found)]
        if len(left) == len(rest):
            break
        rest = left
    return found


def _follows(node: str, befores: Mapping[str, tuple[str, ...]], found: dict[str, str]) -> bool:
    """Take over what is known of a node before this one; tell whether anything is."""
    known = next((found[before] for before in befores[node] if before in found), None)
    if known is not None:
        found[node] = known
    return known is not None


def _reversed(befores: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    afters: dict[str, list[str]] = {node: [] for node in befores}
    for node, some in befores.items():
        for before in some:
            afters[before].append(node)
    return {node: tuple(some) for node, some in afters.items()}


def _loop(befores: Mapping[str, tuple[str, ...]], start: str) -> tuple[str, ...]:
    """Return the shortest cycle through a node, from one to the next that waits for it."""
    came: dict[str, str] = {}
    pending = [start]
    for node in pending:  # grows while it is read
        for before in befores[node]:
            if before == start:
                trail = [node]
                while trail[-1] != start:
                    trail.append(came[trail[-1]])
                return tuple(reversed(trail))
            if before in befores and before not in came:
                came[before] = node
                pending.append(before)
    return ()


def _described(loop: Sequence[str]) -> str:
    named = tuple(_names(loop))
    return describe_cycle((*named, named[0]))


def _names(nodes: Iterable[str]) -> Iterator[str]:
    return (short_name(node.removeprefix(_END)) for node in nodes)
