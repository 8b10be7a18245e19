"""List tasks: filtered, sorted, paged."""

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from runr.app import view
from runr.app.answers import Kind, Status, TaskList, TaskRow
from runr.app.board import Board
from runr.app.project import Project
from runr.errors import UsageError

Sort = Literal["path", "status", "priority", "updated"]


class TaskQuery(BaseModel):
    """Which tasks are wanted; filters that are given must all hold.

    `cursor` is the path of the last task of the page before.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: tuple[Status, ...] = ()
    type: Kind | None = None
    tag: str | None = None
    ready: bool = False
    blocked: bool = False
    stale: bool = False
    search: str | None = None
    sort: Sort = "path"
    limit: int | None = None
    cursor: str | None = None


_ORDER = ("in_progress", "stopped", "failed", "pending", "completed")

_SORTS: dict[Sort, Callable[[TaskRow], tuple[object, ...]]] = {
    "path": lambda row: (row.path,),
    "status": lambda row: (_ORDER.index(row.status), row.path),
    "priority": lambda row: (-row.priority, row.path),
    "updated": lambda row: (row.updated_at is None, _backwards(row.updated_at), row.path),
}


def list_tasks(project: Project, query: TaskQuery) -> TaskList:
    """Return the tasks that `query` asks for, and how many there are in all."""
    found = [row for row in all_rows(project) if _wanted(row, query)]
    found.sort(key=_SORTS[query.sort])
    page = _page(found, query)
    more = query.limit is not None and bool(page) and page[-1] != found[-1]
    return TaskList(
        tasks=page,
        total=len(found),
        next_cursor=page[-1].path if more else None,
        next=_advice(found),
    )


def all_rows(project: Project) -> list[TaskRow]:
    """Return every task, and every recorded one whose file is gone."""
    board = Board.of(project)
    rows = [view.row(task, board) for task in board.tasks]
    known = {task.path for task in board.tasks}
    gone = [path for path in board.entries if path not in known]
    return rows + [view.orphan(path, board.entries[path]) for path in gone]


def next_ready(project: Project, *, kinds: tuple[Kind, ...] = ("automated",)) -> list[TaskRow]:
    """Return the tasks that can be started now, the most urgent first."""
    ready = [row for row in all_rows(project) if row.ready and row.type in kinds]
    return sorted(ready, key=_SORTS["priority"])


def _wanted(row: TaskRow, query: TaskQuery) -> bool:
    text = (query.search or "").casefold()
    return (
        (not query.status or row.status in query.status)
        and (query.type is None or row.type == query.type)
        and (query.tag is None or query.tag in row.tags)
        and (not query.ready or row.ready)
        and (not query.blocked or bool(row.blocked_by))
        and (not query.stale or row.stale)
        and (not text or text in row.path.casefold() or text in row.title.casefold())
    )


def _page(rows: list[TaskRow], query: TaskQuery) -> list[TaskRow]:
    start = 0
    if query.cursor is not None:
        places = [number for number, row in enumerate(rows) if row.path == query.cursor]
        if not places:
            raise UsageError(f"unknown cursor {query.cursor!r}: start again without one")
        start = places[0] + 1
    return rows[start:] if query.limit is None else rows[start : start + query.limit]


def _advice(rows: list[TaskRow]) -> str:
    if not rows:
        return "No task matches. Task files are .runr/tasks/*.md; `runr new NAME` writes one."
    ready = sorted((row for row in rows if row.ready), key=_SORTS["priority"])
    if ready:
        name = ready[0].path.removeprefix(".runr/tasks/")
        verb = "complete-task" if ready[0].type == "manual" else "run-task"
        return f"{len(ready)} ready. Most urgent: {verb} {name!r}."
    return "Nothing here is ready to run."


def _backwards(time: str | None) -> tuple[int, ...]:
    """Sort ISO times newest first."""
    return tuple(-ord(letter) for letter in time or "")
