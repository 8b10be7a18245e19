"""List tasks: filtered, sorted, paged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from runr.app.answers import Kind, TaskList, TaskRow
from runr.app.project import Project
from runr.app.tasks import view
from runr.app.tasks.board import Board
from runr.core.filter import EVERYTHING, Filter
from runr.core.standing import Standing
from runr.core.voice import Voice
from runr.errors import UsageError

Sort = Literal["path", "status", "priority", "updated"]
Standings = Mapping[str, Standing]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """Which tasks are wanted, and how they are told.

    `cursor` is the path of the last task of the page before.
    """

    wanted: Filter = EVERYTHING
    sort: Sort = "path"
    limit: int | None = None
    cursor: str | None = None


_ORDER = ("in_progress", "stopped", "failed", "pending", "completed")


def list_tasks(project: Project, query: TaskQuery) -> TaskList:
    """Return the tasks that `query` asks for, and how many there are in all."""
    board = Board.of(project)
    standings = board.standings()
    found = _sorted(board, query, select(project, standings.values(), query.wanted), standings)
    page = _page(found, query)
    more = query.limit is not None and bool(page) and page[-1] is not found[-1]
    return TaskList(
        tasks=[view.row(task) for task in page],
        total=len(found),
        waiting=sum(task.waiting for task in found),
        next_cursor=page[-1].path if more else None,
        next=_advice(board, found, standings, project.voice),
    )


def select(project: Project, tasks: Iterable[Standing], wanted: Filter) -> list[Standing]:
    """Return those of the tasks that the filter asks for."""
    if not wanted:
        return list(tasks)
    # The settings are read only where somebody asks about workers.
    usual = project.config().run.worker if wanted.asks("worker") else ""
    judge = wanted.judge(now=project.clock(), worker=usual)
    return [task for task in tasks if judge(task)]


def named(project: Project, names: Sequence[str], wanted: Filter) -> tuple[str, ...]:
    """Return what the filter leaves of the named tasks, or of all; UsageError for nothing."""
    if not wanted:
        return tuple(names)
    board = Board.of(project)
    tasks = [project.find_task(name, board.tasks) for name in names] or board.tasks
    found = select(project, map(board.standing, tasks), wanted)
    if not found:
        raise UsageError("no task matches the filter", next_steps=["runr list-tasks"])
    return tuple(task.path for task in found)


def next_ready(project: Project, *, kinds: tuple[Kind, ...] = ("automated",)) -> list[TaskRow]:
    """Return the tasks that can be started now, the most urgent first."""
    board = Board.of(project)
    standings = board.standings()
    ready = [task for task in standings.values() if task.ready and task.task.type in kinds]
    return [view.row(task) for task in board.urgent_first(ready, standings)]


def _sorted(
    board: Board, query: TaskQuery, found: list[Standing], all_: Standings
) -> list[Standing]:
    match query.sort:
        case "priority":
            return board.urgent_first(found, all_)
        case "status":
            return sorted(found, key=lambda task: (_ORDER.index(task.entry.status), task.path))
        case "updated":
            newest = sorted(found, key=attrgetter("path"))
            return sorted(newest, key=lambda task: task.entry.updated_at or "", reverse=True)
        case _:
            return sorted(found, key=attrgetter("path"))


def _page(found: list[Standing], query: TaskQuery) -> list[Standing]:
    start = 0
    if query.cursor is not None:
        places = [number for number, task in enumerate(found) if task.path == query.cursor]
        if not places:
            raise UsageError(f"unknown cursor {query.cursor!r}: start again without one")
        start = places[0] + 1
    return found[start:] if query.limit is None else found[start : start + query.limit]


def _advice(board: Board, found: list[Standing], all_: Standings, voice: Voice) -> str:
    if not found:
        return "No task matches. Task files are .runr/tasks/*.md; `runr new NAME` writes one."
    ready = [task for task in found if task.ready]
    if not ready:
        return "Nothing here is ready to run."
    # A person's turn comes last: whoever asks this can mostly do something without one.
    first = next(iter(board.urgent_first([t for t in ready if not t.waiting] or ready, all_)))
    step = voice.vouch(first.path) if first.waiting else voice.run(first.path)
    return f"{len(ready)} ready. Most urgent: {step}."
