"""Finding and reading task files without ever leaving the repository."""

import os
import re
import stat
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from runr import __version__
from runr.errors import UnknownNameError, UsageError
from runr.storage import database as storage_database
from runr.storage.layout import TASKS, Layout
from runr.tasks.model import Problem, Task

SIZE_LIMIT = 1024 * 1024

# Controls, bytes that are not UTF-8 (as Python hands them over), and what turns text around.
_UNSHOWABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A task file as the folder shows it; `file` is where it really lies.

    A link's own path says nothing about changes of what it leads to, so
    `linked` files are not remembered.
    """

    path: str
    file: str = ""
    mtime_ns: int = 0
    size: int = 0
    linked: bool = False
    problem: Problem | None = None


def walk_tasks(layout: Layout) -> Iterator[FoundFile]:
    """Yield every task file below the tasks folder, in no order; dot names are left out."""
    root = os.path.realpath(layout.root)
    top = os.path.realpath(layout.tasks)
    if not is_below(root, top):
        yield _wrong(TASKS, "outside", "the tasks folder leads out of the repository")
        return
    folders = [(TASKS, top)]
    while folders:
        path, folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                listed = [entry for entry in entries if not entry.name.startswith(".")]
        except FileNotFoundError:
            continue
        except OSError as error:
            yield _wrong(path, "unreadable", f"the folder cannot be listed: {error.strerror}")
            continue
        for entry in listed:
            below = f"{path}/{entry.name}"
            if not entry.name.endswith(".md"):
                if entry.is_dir(follow_symlinks=False):
                    folders.append((below, entry.path))
            elif (found := _look(root, below, entry)) is not None:
                yield found


def read_bounded(file: str) -> tuple[os.stat_result, bytes] | Problem:
    """Return the file's state and content, in this order, so that a later change shows."""
    try:
        # Not through a link that took the file's place, and not waiting for a pipe's other end.
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            state = os.fstat(handle)
            problem = _unfit(state)
            if problem:
                return problem
            with os.fdopen(handle, "rb", closefd=False) as stream:
                return state, stream.read(SIZE_LIMIT)
        finally:
            os.close(handle)
    except OSError as error:
        return Problem(code="unreadable", message=f"the file cannot be read: {error.strerror}")


def is_below(root: str, real: str) -> bool:
    """Tell whether `real` is `root` or lies in it; both are real paths."""
    return real == root or real.startswith(root.rstrip("/") + "/")


def _look(root: str, path: str, entry: os.DirEntry[str]) -> FoundFile | None:
    try:
        if _UNSHOWABLE.search(path):
            message = "the name holds bytes that cannot be shown: rename the file"
            return _wrong(path, "bad_name", message)
        linked = entry.is_symlink()
        file = os.path.realpath(entry.path) if linked else entry.path
        if linked and not is_below(root, file):
            return _wrong(path, "outside", "the link leads out of the repository")
        state = Path(file).stat() if linked else entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        # Either it was removed while we looked, or it is a link to nothing.
        if not entry.is_symlink():
            return None
        return _wrong(path, "unreadable", "the link leads to nothing")
    except OSError as error:
        return _wrong(path, "unreadable", f"the file cannot be read: {error.strerror}")
    return FoundFile(
        path=path,
        file=file,
        mtime_ns=state.st_mtime_ns,
        size=state.st_size,
        linked=linked,
        problem=_unfit(state),
    )


def _unfit(state: os.stat_result) -> Problem | None:
    if stat.S_ISDIR(state.st_mode):
        return Problem(code="folder", message="a folder cannot be a task: rename it")
    if not stat.S_ISREG(state.st_mode):
        return Problem(code="no_file", message="this is a pipe, socket or device: remove it")
    if state.st_size > SIZE_LIMIT:
        message = f"the file is larger than {SIZE_LIMIT // 1024} KiB: shorten it"
        return Problem(code="too_large", message=message)
    return None


def _wrong(path: str, code: str, message: str) -> FoundFile:
    return FoundFile(
        path=_UNSHOWABLE.sub(_escaped, path), problem=Problem(code=code, message=message)
    )


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


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
    found = list(walk_tasks(layout))
    if not found:
        return ()
    tasks = storage_database.connect(
        layout, lambda database: _tasks(database, found, now), now_ns=now
    )
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
    outcome = read_bounded(file)
    if isinstance(outcome, Problem):
        raise UsageError(f"{task_path}: {outcome.message}", next_steps=listing)
    return outcome[1]


def text_of(content: bytes) -> str:
    """Return the text below a task file's header."""
    # Not at the top, for the reason given in `_parse`.
    from runr.tasks.parser import body  # noqa: PLC0415 - see above

    return body(content)


def _tasks(database: "sqlite3.Connection", found: Sequence[FoundFile], now_ns: int) -> list[Task]:
    select = database.execute(storage_database.queries()["list_task_definitions"])
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


def _known(row: _Row | None, file: FoundFile) -> Task | None:
    """Return the remembered task, if the file is as it was then."""
    if row is None or row[1:4] != (file.mtime_ns, file.size, _PARSER):
        return None
    if file.linked or file.problem:
        return None
    try:
        return Task.model_validate_json(row[4])
    except ValidationError:
        return None


def _parse(file: FoundFile) -> tuple[Task, _Row | None]:
    """Return the task in `file`, and what to remember of it where that may be trusted."""
    # A listing in which nothing changed must not pay for the parser's imports.
    from runr.tasks.parser import parse, stem  # noqa: PLC0415 - see above

    outcome = file.problem or read_bounded(file.file)
    if isinstance(outcome, Problem):
        return Task(path=file.path, title=stem(file.path), problems=(outcome,)), None
    state, content = outcome
    task = parse(file.path, content)
    body = task.model_dump_json(exclude_defaults=True)
    return task, (file.path, state.st_mtime_ns, state.st_size, _PARSER, body)


def _keep(database: "sqlite3.Connection", fresh: Sequence[_Row], gone: Collection[str]) -> None:
    if not fresh and not gone:
        return
    queries = storage_database.queries()
    with storage_database.writing(database):
        database.executemany(queries["put_task_definition"], fresh)
        database.executemany(queries["delete_task_definition"], [(path,) for path in gone])
