"""A SQLite file below `.runr`: opened without following links, its scripts, its damage."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from runr import nofollow
from runr.storage import files

if TYPE_CHECKING:
    import sqlite3

_LOCK_TIMEOUT_S = 5.0
#: What SQLite keeps beside a database; the last only while it changes one without a log.
_LOGS = ("-wal", "-shm")
_BESIDE = (*_LOGS, "-journal")
_NAME = re.compile(r"^-- (\w+): .*$", re.MULTILINE)


def open_connection(path: Path | None) -> "sqlite3.Connection":
    """Open the database at `path`, an empty one where there is none; in memory without a path."""
    # Commands that ask nothing of a database must not pay for this import.
    import sqlite3  # noqa: PLC0415 - see above

    for beside in with_logs(path) if path else ():
        nofollow.refuse_links(beside)
    # No isolation level: transactions begin where `writing` says so and nowhere else.
    return sqlite3.connect(path or ":memory:", timeout=_LOCK_TIMEOUT_S, isolation_level=None)


@contextmanager
def writing(connection: "sqlite3.Connection") -> Iterator[None]:
    """Make everything inside one change: all of it, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@cache
def named_statements(path: Path) -> dict[str, str]:
    """Return the statements of a file by the name in the comment above each."""
    _, *parts = _NAME.split(path.read_text(encoding="utf-8"))
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))


@cache
def scripts(folder: Path) -> tuple[Path, ...]:
    """Return the migrations in their order; the first brings an empty file to version 1."""
    # Not `glob`, which a listing would wait for longer.
    names = sorted(os.listdir(folder))  # noqa: PTH208 - see above
    return tuple(folder / name for name in names if name.endswith(".sql"))


def run_script(connection: "sqlite3.Connection", script: Path) -> None:
    """Execute the statements of a file inside the transaction that is open."""
    # `executescript` would commit that.
    for statement in _statements(script.read_text(encoding="utf-8")):
        connection.execute(statement)


def _statements(script: str) -> Iterator[str]:
    import sqlite3  # noqa: PLC0415 - see `open_connection`

    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def is_damage(error: "sqlite3.DatabaseError") -> bool:
    """Tell whether the error says that the file is not a whole database."""
    import sqlite3  # noqa: PLC0415 - see `open_connection`

    # The low byte is the kind of error, the rest its details.
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return kind in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


def inode(path: Path) -> int | None:
    """Return what tells the file from another one in its place; None where there is none."""
    try:
        return nofollow.stat(path).st_ino
    except OSError:
        return None


def set_aside(path: Path, lock: Path, seen: int | None, now_ns: int) -> bool:
    """Rename the damaged file that was `seen`, an inode; False if the folder cannot be written."""
    stamp = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    name = f"{path.name}.corrupt-{stamp}"
    return _removed(path, lock, seen, lambda: nofollow.rename(path, name))


def remove(path: Path, lock: Path, seen: int | None) -> bool:
    """Remove the file that was `seen`, an inode; False if the folder cannot be written."""
    return _removed(path, lock, seen, lambda: nofollow.unlink(path, missing_ok=True))


def _removed(path: Path, lock: Path, seen: int | None, remove_file: Callable[[], None]) -> bool:
    try:
        with files.locked(lock):
            # Whoever came first already moved it: then the file in its place is a good one.
            if inode(path) == seen:
                remove_logs(path)
                remove_file()
    except OSError:
        return False
    return True


def remove_logs(path: Path) -> None:
    """Remove what belongs to the database at `path` and to no other in its place."""
    for suffix in _LOGS:
        nofollow.unlink(path.with_name(path.name + suffix), missing_ok=True)


def with_logs(path: Path) -> list[Path]:
    """Return the database at `path` and all that SQLite keeps beside it."""
    return [path, *(path.with_name(path.name + suffix) for suffix in _BESIDE)]
