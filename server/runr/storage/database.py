"""The SQLite database: a cache beside the files, which may be lost at any time.

It is marked with the inode that it was made as, so one that came with a commit or a copy is not
read, and replaced.
"""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from runr import nofollow
from runr.storage import files, state_dir
from runr.storage.layout import Layout

if TYPE_CHECKING:
    import sqlite3

Result = TypeVar("Result")

# Not importlib.resources, which takes longer to import than SQLite.
_HERE = Path(__file__).parent
_LOCK_TIMEOUT_S = 5.0
#: What SQLite keeps beside a database.
_BESIDE = ("-wal", "-shm")
_NAME = re.compile(r"^-- (\w+): .*$", re.MULTILINE)


def connect(
    layout: Layout, work: Callable[["sqlite3.Connection"], Result], *, now_ns: int
) -> Result:
    """Return what `work` makes of the database; `work` may be called again on another one.

    A damaged file is moved aside, and one that was not made here is removed. Where no file can
    serve (none may be written, a newer runr owns it, there is no `.runr` yet) `work` gets an
    empty one in memory.
    """
    # Commands that ask nothing of the database must not pay for this import.
    import sqlite3  # noqa: PLC0415 - see above

    for _ in range(2 if nofollow.is_folder(layout.runr) else 0):
        inode = _inode(layout.database)
        try:
            _keep_out_of_git(layout)
            for suffix in ("", *_BESIDE, "-journal"):
                nofollow.refuse_links(layout.database.with_name(layout.database.name + suffix))
            with closing(_connect(layout.database)) as connection:
                if _is_from_elsewhere(connection, layout.database):
                    if not _set_aside(layout, _inode(layout.database)):
                        break
                    continue
                if not _migrate(connection, _inode(layout.database)):
                    break
                return work(connection)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error) or not _set_aside(layout, inode, now_ns):
                break
    with closing(_connect(":memory:")) as connection:
        _migrate(connection)
        return work(connection)


def _keep_out_of_git(layout: Layout) -> None:
    # In a folder that may not be written the database cannot be made either, and that is reported.
    with suppress(OSError):
        state_dir.ensure_state_dir(layout)


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
def queries() -> dict[str, str]:
    """Return the statements of `queries.sql` by name."""
    text = _HERE.joinpath("queries.sql").read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))


@cache
def migrations() -> tuple[Path, ...]:
    """Return the scripts in their order; the first brings an empty file to version 1."""
    folder = _HERE / "migrations"
    # Not `glob`, which a listing would wait for longer.
    names = sorted(os.listdir(folder))  # noqa: PTH208 - see above
    return tuple(folder / name for name in names if name.endswith(".sql"))


def _connect(path: Path | str) -> "sqlite3.Connection":
    import sqlite3  # noqa: PLC0415 - see `connect`

    # No isolation level: transactions begin where `writing` says so and nowhere else.
    return sqlite3.connect(path, timeout=_LOCK_TIMEOUT_S, isolation_level=None)


def _is_from_elsewhere(connection: "sqlite3.Connection", path: Path) -> bool:
    """Tell whether the file, unless it is empty or of a newer runr, was made as another one."""
    if _version(connection) > len(migrations()):
        return False
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        return False
    mark = int(connection.execute("PRAGMA application_id").fetchone()[0])
    return mark != _mark(_inode(path))


def _mark(inode: int | None) -> int:
    """Return the inode as SQLite's application id can hold it, which is never 0."""
    return (inode or 0) % 0x7FFFFFFF + 1


def _migrate(connection: "sqlite3.Connection", inode: int | None = None) -> bool:
    """Bring the file to the newest version; False, and untouched, where it is newer than that."""
    newest = len(migrations())
    version = _version(connection)
    if version > newest:
        return False
    connection.execute("PRAGMA synchronous = NORMAL")
    if version < newest:
        # Stays with the file.
        connection.execute("PRAGMA journal_mode = WAL")
        with writing(connection):
            for script in migrations()[_version(connection) :]:
                for statement in _statements(script.read_text(encoding="utf-8")):
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_mark(inode)}")
            connection.execute(f"PRAGMA user_version = {newest}")
    return True


def _version(connection: "sqlite3.Connection") -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> Iterator[str]:
    """Split `script`, because `executescript` would commit the transaction around it."""
    import sqlite3  # noqa: PLC0415 - see `connect`

    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _is_damage(error: "sqlite3.DatabaseError") -> bool:
    import sqlite3  # noqa: PLC0415 - see `connect`

    # The low byte is the kind of error, the rest its details.
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return kind in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


def _set_aside(layout: Layout, inode: int | None, now_ns: int | None = None) -> bool:
    """Rename the file after the time, or remove it; False where the folder cannot be written."""
    try:
        with files.locked(layout.status_lock.with_name("database")):
            # Whoever came first already moved it: then the file in its place is a good one.
            if _inode(layout.database) == inode:
                for suffix in _BESIDE:
                    beside = layout.database.with_name(layout.database.name + suffix)
                    nofollow.unlink(beside, missing_ok=True)
                if now_ns is None:
                    nofollow.unlink(layout.database, missing_ok=True)
                else:
                    nofollow.rename(
                        layout.database, f"{layout.database.name}.corrupt-{_at(now_ns)}"
                    )
    except OSError:
        return False
    return True


def _at(now_ns: int) -> str:
    return datetime.fromtimestamp(now_ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _inode(path: Path) -> int | None:
    try:
        return nofollow.stat(path).st_ino
    except OSError:
        return None


def cached(layout: Layout, name: str, question: Any, work: Callable[[], Any]) -> Any:
    """Return the result of `work`, kept by `name` for as long as the question is the same.

    Question and result are what JSON can hold.
    """
    import hashlib  # noqa: PLC0415 - only questions to git are kept here

    key = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
    statements = queries()

    def find(database: "sqlite3.Connection") -> Any:
        return database.execute(statements["find_answer"], (name, key)).fetchone()

    known = connect(layout, find, now_ns=time.time_ns())
    if known is not None:
        return json.loads(known[0])
    answer = work()

    def put(database: "sqlite3.Connection") -> None:
        with writing(database):
            database.execute(statements["put_answer"], (name, key, json.dumps(answer)))

    connect(layout, put, now_ns=time.time_ns())
    return answer
