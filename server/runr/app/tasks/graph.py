"""The tasks with the links between them, as data and as a picture."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pydantic import Field

from runr.app.answers import Answer, TaskRow
from runr.app.project import Project
from runr.app.tasks import view
from runr.app.tasks.board import Board
from runr.app.tasks.listing import Standings, select
from runr.core import chart
from runr.core.backlog import reached
from runr.core.chart import Chart
from runr.core.filter import EVERYTHING, Filter


class GraphTask(TaskRow):
    """One task with its links.

    `needs` are the tasks of the graph that it depends on, `unblocks` counts the
    open tasks that wait for it directly, `unblocks_all` those behind them too,
    whether they are in the graph or not; `critical` is on the critical path.
    """

    needs: list[str] = Field(default_factory=list)
    unblocks: int = 0
    unblocks_all: int = 0
    critical: bool = False


class GraphAnswer(Answer):
    """The tasks of the graph by path, the ways round, and the longest chain of its open tasks."""

    tasks: list[GraphTask]
    total: int
    cycles: list[list[str]] = Field(default_factory=list)
    critical_path: list[str] = Field(default_factory=list)
    about: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Graphed:
    """What a graph is drawn from: the tasks that are in it, and the whole board."""

    board: Board
    standings: Standings
    paths: tuple[str, ...]
    critical: tuple[str, ...]
    about: str | None = None

    @property
    def needs(self) -> dict[str, Sequence[str]]:
        """What each task of the graph depends on, as far as that is in the graph."""
        inside = frozenset(self.paths)
        edges = self.board.graph.edges
        return {path: [need for need in edges[path].paths if need in inside] for path in self.paths}

    @property
    def unblocks(self) -> dict[str, list[str]]:
        """What depends on each task of the graph, as far as that is in the graph."""
        found: dict[str, list[str]] = {path: [] for path in self.paths}
        for path, needs in self.needs.items():
            for need in needs:
                found[need].append(path)
        return found


def gather(project: Project, wanted: Filter = EVERYTHING, about: str | None = None) -> Graphed:
    """Return the tasks that the filter asks for; with `about`, what it needs and unblocks."""
    board = Board.of(project)
    standings = {path: task for path, task in board.standings().items() if not task.orphaned}
    task = project.find_task(about, board.tasks) if about is not None else None
    meant = select(project, standings.values(), wanted)
    inside: Collection[str] = {found.path for found in meant}
    if task is not None:
        inside = _around(board, task.path).intersection(inside) | {task.path}
    return Graphed(
        board=board,
        standings=standings,
        paths=tuple(path for path in board.graph.edges if path in inside),
        critical=board.backlog(standings, inside).longest(),
        about=task.path if task else None,
    )


def answer(graphed: Graphed) -> GraphAnswer:
    """Return the graph as data."""
    backlog = graphed.board.backlog(graphed.standings)
    reach = backlog.reach()
    needs, critical = graphed.needs, frozenset(graphed.critical)
    tasks = [
        GraphTask(
            **dict(view.row(graphed.standings[path])),
            needs=list(needs[path]),
            unblocks=len(backlog.unblocks.get(path, ())),
            unblocks_all=reach.get(path, 0),
            critical=path in critical,
        )
        for path in graphed.paths
    ]
    ways = dict.fromkeys(graphed.board.graph.cycles.values())
    return GraphAnswer(
        tasks=tasks,
        total=len(tasks),
        cycles=[list(way) for way in ways if not needs.keys().isdisjoint(way)],
        critical_path=list(graphed.critical),
        about=graphed.about,
    )


def picture(graphed: Graphed) -> Chart:
    """Return the graph as boxes and links."""
    critical = frozenset(graphed.critical)
    boxes = tuple(chart.box(graphed.standings[path], critical) for path in graphed.paths)
    return Chart(boxes=boxes, needs=graphed.needs, critical=graphed.critical)


def _around(board: Board, path: str) -> set[str]:
    needs = {start: edges.paths for start, edges in board.graph.edges.items()}
    return {*reached(path, needs), *reached(path, board.graph.dependents())}
