"""All tasks of a repository: read once, and again where a file has changed."""

import os
import time
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from runr import __version__
from runr.errors import UnknownNameError, UsageError
from runr.next_steps import commands
from runr.storage import database as storage_database
from runr.storage import sqlite_file
from runr.storage.layout import TASKS, Layout
from runr.tasks import codec
from runr.tasks.files import FolderState, FoundFile, is_below, read_bounded, walk_tasks
from runr.tasks.model import Problem, Task
from runr.tasks.names import natural_key

if TYPE_CHECKING:
    import sqlite3

# Raise it when the parser makes another task of the same bytes: rows of another one are ignored.
_PARSER = f"{__version__}/4"

# A file changed this shortly ago may be changed once more within the resolution of its time.
_RACY_NS = 2_000_000_000

# Path, time and size of the file, the parser, and the task as JSON.
_Row = tuple[str, int, int, str, str]


class _Seen(NamedTuple):
    """What was read at a time: the tasks by their path, and all in their order."""

    layout: Layout
    read_ns: int
    found: dict[str, FoundFile]
    by_path: dict[str, Task]
    tasks: tuple[Task, ...]
    folders: tuple[FolderState, ...] = ()

    def trusted(self) -> dict[str, Task]:
        """Return the tasks that hold until the state of their file changes."""
        return {
            path: self.by_path[path]
            for path, file in self.found.items()
            if _is_settled(file, self.read_ns)
        }


class TaskIndex:
    """The tasks of a repository, kept in memory and checked by the state of each file.

    As long as no file changes, `scan` returns the same tuple. From the second scan on,
    a look at folders and files is enough to see that nothing did. Threads may share an index.
    """

    def __init__(self) -> None:
        self._seen: _Seen | None = None

    def scan(self, layout: Layout, *, now_ns: int | None = None) -> tuple[Task, ...]:
        """Return every task in the natural order of the paths; only changed files are read."""
        now = time.time_ns() if now_ns is None else now_ns
        seen = self._seen if self._seen and self._seen.layout == layout else None
        if seen and seen.folders and all(folder.is_unchanged() for folder in seen.folders):
            return seen.tasks
        self._seen = _read(layout, now) if seen is None else _read_again(seen, now)
        return self._seen.tasks


def scan(layout: Layout, *, now_ns: int | None = None) -> tuple[Task, ...]:
    """Return every task in the natural order of the paths; only changed files are read."""
    return _read(layout, time.time_ns() if now_ns is None else now_ns).tasks


def read_content(layout: Layout, task_path: str) -> bytes:
    """Return the bytes of the task at `task_path`, which is relative to the repository."""
    listing = (commands.list_tasks(),)
    inside = task_path.startswith(f"{TASKS}/") and task_path.endswith(".md")
    if not inside or "\0" in task_path or not {"", ".", ".."}.isdisjoint(task_path.split("/")):
        message = f"{task_path!r} is no path of a task file below {TASKS}/"
        raise UsageError(message, next_steps=listing)
    file = os.path.realpath(layout.root / task_path)
    if not is_below(os.path.realpath(layout.root), file):
        raise UsageError(f"{task_path} leads out of the repository", next_steps=listing)
    if not os.path.lexists(file):
        raise UnknownNameError(f"there is no task file {task_path}", next_steps=listing)
    outcome = read_bounded(file)
    if isinstance(outcome, Problem):
        raise UsageError(f"{task_path}: {outcome.message}", next_steps=listing)
    return outcome[1]


def text_of(content: bytes) -> str:
    """Return the text below a task file's header."""
    # Not at the top, for the reason given in `_parse`.
    from runr.tasks.parser import body  # noqa: PLC0415 - see above

    return body(content)


def _read(layout: Layout, now_ns: int) -> _Seen:
    found = {file.path: file for file in walk_tasks(layout)}
    tasks = _from_database(layout, found, now_ns)
    return _Seen(layout, now_ns, found, tasks, _in_order(tasks))


def _read_again(seen: _Seen, now_ns: int) -> _Seen:
    """Return what is there now, with the states of the folders: whoever asks twice asks again."""
    walked: list[str] = []
    found = {file.path: file for file in walk_tasks(seen.layout, walked)}
    tasks = _changed(seen, found, now_ns)
    ordered = _in_order(tasks, seen.tasks)
    if ordered == seen.tasks:
        ordered = seen.tasks  # the same object, so that nothing is derived from it again
    settled = all(_is_settled(file, now_ns) for file in found.values())
    folders = _folder_states(walked, found, now_ns) if settled else ()
    return _Seen(seen.layout, now_ns, found, tasks, ordered, folders)


def _in_order(tasks: Mapping[str, Task], before: Sequence[Task] = ()) -> tuple[Task, ...]:
    """Return the tasks by the natural order of their paths, which those of `before` are in."""
    if len(before) == len(tasks) and all(task.path in tasks for task in before):
        return tuple([tasks[task.path] for task in before])
    return tuple([tasks[path] for path in sorted(tasks, key=natural_key)])


def _folder_states(
    walked: Sequence[str], found: Mapping[str, FoundFile], now_ns: int
) -> tuple[FolderState, ...]:
    """Return the states of all folders; nothing where a further change might not show in one."""
    by_folder: dict[str, list[FoundFile]] = {folder: [] for folder in walked}
    for file in found.values():
        if file.problem:
            return ()
        by_folder[file.file.rpartition("/")[0]].append(file)
    try:
        states = tuple([FolderState.of(path, files) for path, files in by_folder.items()])
    except OSError:
        return ()
    settled = all(max(folder.state[1:]) < now_ns - _RACY_NS for folder in states)
    return states if settled else ()


def _is_settled(file: FoundFile, now_ns: int) -> bool:
    """Tell whether any later change of the file would show in its state."""
    return not file.linked and file.ctime_ns < now_ns - _RACY_NS


def _from_database(layout: Layout, found: Mapping[str, FoundFile], now_ns: int) -> dict[str, Task]:
    """Return the tasks, parsing only the files that the database does not know as they are."""
    if not found:
        return {}

    def look(database: "sqlite3.Connection") -> dict[str, Task]:
        rows = database.execute(storage_database.queries()["list_task_definitions"])
        known: dict[str, _Row] = {row[0]: row for row in rows}
        current = {path: row[4] for path, row in known.items() if _fits(row, found.get(path))}
        tasks = codec.decode_all(current)
        fresh: list[_Row] = []
        for path, file in found.items():
            if path not in tasks:
                tasks[path] = _parse(file, fresh, now_ns)
        _keep(database, fresh, known.keys() - found.keys())
        return tasks

    return storage_database.connect(layout, look, now_ns=now_ns)


def _changed(seen: _Seen, found: Mapping[str, FoundFile], now_ns: int) -> dict[str, Task]:
    """Return the tasks, parsing only the files that were changed since they were seen."""
    before = seen.found
    tasks = {p: task for p, task in seen.trusted().items() if before[p] == found.get(p)}
    fresh: list[_Row] = []
    for path, file in found.items():
        if path not in tasks:
            tasks[path] = _parse(file, fresh, now_ns)
    gone = before.keys() - found.keys()
    if fresh or gone:
        storage_database.connect(
            seen.layout, lambda database: _keep(database, fresh, gone), now_ns=now_ns
        )
    return tasks


def _fits(row: _Row, file: FoundFile | None) -> bool:
    """Tell whether the file is as it was when the row was written."""
    return (
        file is not None
        and row[1:4] == (file.mtime_ns, file.size, _PARSER)
        and not (file.linked or file.problem)
    )


def _parse(file: FoundFile, fresh: list[_Row], now_ns: int) -> Task:
    """Return the task in `file`; a row for the database goes into `fresh` if it can be trusted."""
    # A listing in which nothing changed must not pay for the parser's imports.
    from runr.tasks.parser import parse, stem  # noqa: PLC0415 - see above

    outcome = file.problem or read_bounded(file.file)
    if isinstance(outcome, Problem):
        return Task(path=file.path, title=stem(file.path), problems=(outcome,))
    state, content = outcome
    task = parse(file.path, content)
    if state.st_mtime_ns < now_ns - _RACY_NS and not file.linked:
        body = codec.encode(task)
        fresh.append((file.path, state.st_mtime_ns, state.st_size, _PARSER, body))
    return task


def _keep(database: "sqlite3.Connection", fresh: Sequence[_Row], gone: Collection[str]) -> None:
    if not fresh and not gone:
        return
    queries = storage_database.queries()
    with sqlite_file.writing(database):
        database.executemany(queries["put_task_definition"], fresh)
        database.executemany(queries["delete_task_definition"], [(path,) for path in gone])
