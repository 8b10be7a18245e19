"""The tasks with the links between them, as data and as a picture."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from runr.graphics import chart
from runr.graphics.chart import Chart
from runr.next_steps.step import CLI, NextStep
from runr.next_steps.tasks import ListFacts, after_list
from runr.project import Project
from runr.query import task_views
from runr.query.backlog import reached
from runr.query.filters import MATCH_ALL, Filter
from runr.query.listing import select
from runr.query.models import Result, TaskSummary
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphTask(TaskSummary):
    """One task with its links.

    `needs` are the tasks of the graph that it depends on, `unblocks_count` counts the
    open tasks that wait for it directly, `unblocks_all_count` those behind them too,
    whether they are in the graph or not; `critical` is on the critical path.
    """

    needs: list[str] = field(default_factory=list)
    unblocks_count: int = 0
    unblocks_all_count: int = 0
    critical: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphResult(Result):
    """The tasks of the graph by path, the ways round, and the longest chain of its open tasks.

    In `order` each task follows what it needs; those in or behind a cycle are left out.
    """

    tasks: list[GraphTask]
    total_count: int
    order: list[str] = field(default_factory=list)
    cycles: list[list[str]] = field(default_factory=list)
    critical_path: list[str] = field(default_factory=list)
    about: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyView:
    """What a graph is drawn from: the tasks that are in it, and the whole board."""

    snapshot: Snapshot
    task_states: Mapping[str, TaskState]
    paths: tuple[str, ...]
    critical: tuple[str, ...]
    about: str | None = None

    @property
    def needs(self) -> dict[str, Sequence[str]]:
        """What each task of the graph depends on, as far as that is in the graph."""
        inside = frozenset(self.paths)
        edges = self.snapshot.graph.edges
        return {path: [need for need in edges[path].paths if need in inside] for path in self.paths}

    @property
    def unblocks(self) -> dict[str, list[str]]:
        """What depends on each task of the graph, as far as that is in the graph."""
        found: dict[str, list[str]] = {path: [] for path in self.paths}
        for path, needs in self.needs.items():
            for need in needs:
                found[need].append(path)
        return found


def gather(
    project: Project, wanted: Filter = MATCH_ALL, about: str | None = None
) -> DependencyView:
    """Return the tasks that the filter asks for; with `about`, what it needs and unblocks."""
    snapshot = Snapshot.of(project)
    task_states = {path: task for path, task in snapshot.task_states().items() if not task.orphaned}
    task = project.find_task(about, snapshot.tasks) if about is not None else None
    meant = select(project, task_states.values(), wanted)
    inside: Collection[str] = {found.path for found in meant}
    if task is not None:
        inside = _around(snapshot, task.path).intersection(inside) | {task.path}
    return DependencyView(
        snapshot=snapshot,
        task_states=task_states,
        paths=tuple(path for path in snapshot.graph.edges if path in inside),
        critical=snapshot.backlog(inside).longest(),
        about=task.path if task else None,
    )


def graph_result(graphed: DependencyView) -> GraphResult:
    """Return the graph as data."""
    backlog, reach = graphed.snapshot.backlog(), graphed.snapshot.reach()
    needs, critical = graphed.needs, frozenset(graphed.critical)
    tasks = [
        GraphTask(
            **task_views.task_facts(graphed.task_states[path]),
            needs=list(needs[path]),
            unblocks_count=len(backlog.unblocks.get(path, ())),
            unblocks_all_count=reach.get(path, 0),
            critical=path in critical,
        )
        for path in graphed.paths
    ]
    ways = dict.fromkeys(graphed.snapshot.graph.cycles.values())
    return GraphResult(
        tasks=tasks,
        total_count=len(tasks),
        order=_order(needs),
        cycles=[list(way) for way in ways if not needs.keys().isdisjoint(way)],
        critical_path=list(graphed.critical),
        about=graphed.about,
        next_steps=CLI.lines(graph_steps(graphed)),
    )


def _order(needs: Mapping[str, Sequence[str]]) -> list[str]:
    place = {path: number for number, path in enumerate(needs)}
    sorter = TopologicalSorter(needs)
    with suppress(CycleError):  # what is in no cycle has an order all the same
        sorter.prepare()
    order: list[str] = []
    while ready := sorter.get_ready():
        order += sorted(ready, key=place.__getitem__)
        sorter.done(*ready)
    return order


def graph_steps(graphed: DependencyView) -> tuple[NextStep, ...]:
    """Return what to do about an empty graph; nothing is needed for another one."""
    if graphed.paths:
        return ()
    return after_list(ListFacts(total=0, in_all=len(graphed.task_states)))


def graph_chart(graphed: DependencyView) -> Chart:
    """Return the graph as boxes and links."""
    critical = frozenset(graphed.critical)
    boxes = tuple(chart.box(graphed.task_states[path], critical) for path in graphed.paths)
    return Chart(boxes=boxes, needs=graphed.needs, critical=graphed.critical)


def _around(snapshot: Snapshot, path: str) -> set[str]:
    needs = {start: edges.paths for start, edges in snapshot.graph.edges.items()}
    return {*reached(path, needs), *reached(path, snapshot.graph.dependents())}
