"""The task files on disk, each parsed once for every change of it."""

import os
import time
from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from pydantic import ValidationError

from runr import __version__
from runr.core.task import Problem, Task
from runr.errors import UnknownNameError, UsageError
from runr.store import db
from runr.store.layout import TASKS, Layout
from runr.store.taskwalk import Found, is_below, read, walk

if TYPE_CHECKING:
    import sqlite3

# Raise it when `core.taskfile` makes another task of the same bytes: older rows count no more.
_PARSER = f"{__version__}/3"

# A file written this shortly ago may be written once more and keep its time.
_RACY_NS = 2_000_000_000


# A path, the time and size that the file had, the parser, and the task as JSON. A bare tuple:
# ten thousand of anything better take longer to make than the query.
_Row = tuple[str, int, int, str, str]


def scan(layout: Layout, *, now_ns: int | None = None) -> tuple[Task, ...]:
    """Return every task in the order of the paths; only files that changed are read."""
    now = time.time_ns() if now_ns is None else now_ns
    found = list(walk(layout))
    if not found:
        return ()
    tasks = db.use(layout, lambda database: _tasks(database, found, now), now_ns=now)
    return tuple(sorted(tasks, key=attrgetter("path")))


def read_content(layout: Layout, task_path: str) -> bytes:
    """Return the bytes of the task at `task_path`, which is relative to the repository."""
    listing = ("runr list-tasks",)
    inside = task_path.startswith(f"{TASKS}/") and task_path.endswith(".md")
    if not inside or "\0" in task_path or not {"", ".", ".."}.isdisjoint(task_path.split("/")):
        message = f"{task_path!r} is no path of a task file below {TASKS}/"
        raise UsageError(message, next_steps=listing)
    file = os.path.realpath(layout.root / task_path)
    if not is_below(os.path.realpath(layout.root), file):
        raise UsageError(f"{task_path} leads out of the repository", next_steps=listing)
    if not os.path.lexists(file):
        raise UnknownNameError(f"there is no task file {task_path}", next_steps=listing)
    outcome = read(file)
    if isinstance(outcome, Problem):
        raise UsageError(f"{task_path}: {outcome.message}", next_steps=listing)
    return outcome[1]


def text_of(content: bytes) -> str:
    """Return the text below a task file's header."""
    # Not at the top, for the reason given in `_parse`.
    from runr.core.taskfile import body  # noqa: PLC0415 - see above

    return body(content)


def _tasks(database: "sqlite3.Connection", found: Sequence[Found], now_ns: int) -> list[Task]:
    select = database.execute(db.queries()["list_task_definitions"])
    rows: dict[str, _Row] = {row[0]: row for row in select}
    tasks: list[Task] = []
    fresh: list[_Row] = []
    for file in found:
        task = _known(rows.get(file.path), file)
        if task is None:
            task, row = _parse(file)
            if row is not None and row[1] < now_ns - _RACY_NS:
                fresh.append(row)
        tasks.append(task)
    _keep(database, fresh, rows.keys() - {file.path for file in found})
    return tasks


def _known(row: _Row | None, file: Found) -> Task | None:
    """Return the remembered task, if the file is as it was then."""
    if row is None or row[1:4] != (file.mtime_ns, file.size, _PARSER):
        return None
    if file.linked or file.problem:
        return None
    try:
        return Task.model_validate_json(row[4])
    except ValidationError:
        return None


def _parse(file: Found) -> tuple[Task, _Row | None]:
    """Return the task in `file`, and what to remember of it where that may be trusted."""
    # A listing in which nothing changed must not pay for the parser's imports.
    from runr.core.taskfile import parse, stem  # noqa: PLC0415 - see above

    outcome = file.problem or read(file.file)
    if isinstance(outcome, Problem):
        return Task(path=file.path, title=stem(file.path), problems=(outcome,)), None
    state, content = outcome
    task = parse(file.path, content)
    body = task.model_dump_json(exclude_defaults=True)
    return task, (file.path, state.st_mtime_ns, state.st_size, _PARSER, body)


def _keep(database: "sqlite3.Connection", fresh: Sequence[_Row], gone: Collection[str]) -> None:
    if not fresh and not gone:
        return
    queries = db.queries()
    with db.writing(database):
        database.executemany(queries["put_task_definition"], fresh)
        database.executemany(queries["delete_task_definition"], [(path,) for path in gone])
