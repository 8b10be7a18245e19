"""The SQLite database: a cache beside the files, which may be lost at any time.

It is marked with the inode that it was made as, so one that came with a commit or a copy is not
read, and replaced.
"""

import json
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from runr import nofollow
from runr.storage import sqlite_file, state_dir
from runr.storage.layout import Layout
from runr.storage.sqlite_file import writing

if TYPE_CHECKING:
    import sqlite3

Result = TypeVar("Result")

# Not importlib.resources, which takes longer to import than SQLite.
_HERE = Path(__file__).parent


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

    path, lock = layout.database, layout.status_lock.with_name("database")
    for _ in range(2 if nofollow.is_folder(layout.runr) else 0):
        seen = sqlite_file.inode(path)
        try:
            _keep_out_of_git(layout)
            with closing(sqlite_file.open_connection(path)) as connection:
                if _is_from_elsewhere(connection, path):
                    if not sqlite_file.remove(path, lock, sqlite_file.inode(path)):
                        break
                    continue
                if not _migrate(connection, sqlite_file.inode(path)):
                    break
                return work(connection)
        except sqlite3.DatabaseError as error:
            damaged = sqlite_file.is_damage(error)
            if not damaged or not sqlite_file.set_aside(path, lock, seen, now_ns):
                break
    with closing(sqlite_file.open_connection(None)) as connection:
        _migrate(connection)
        return work(connection)


def _keep_out_of_git(layout: Layout) -> None:
    # In a folder that may not be written the database cannot be made either, and that is reported.
    with suppress(OSError):
        state_dir.ensure_state_dir(layout)


def queries() -> dict[str, str]:
    """Return the statements of `queries.sql` by name."""
    return sqlite_file.named_statements(_HERE / "queries.sql")


def _migrations() -> tuple[Path, ...]:
    return sqlite_file.scripts(_HERE / "migrations")


def _is_from_elsewhere(connection: "sqlite3.Connection", path: Path) -> bool:
    """Tell whether the file, unless it is empty or of a newer runr, was made as another one."""
    if _version(connection) > len(_migrations()):
        return False
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
        return False
    mark = int(connection.execute("PRAGMA application_id").fetchone()[0])
    return mark != _mark(sqlite_file.inode(path))


def _mark(inode: int | None) -> int:
    """Return the inode as SQLite's application id can hold it, which is never 0."""
    return (inode or 0) % 0x7FFFFFFF + 1


def _migrate(connection: "sqlite3.Connection", inode: int | None = None) -> bool:
    """Bring the file to the newest version; False, and untouched, where it is newer than that."""
    newest = len(_migrations())
    version = _version(connection)
    if version > newest:
        return False
    connection.execute("PRAGMA synchronous = NORMAL")
    if version < newest:
        # Stays with the file.
        connection.execute("PRAGMA journal_mode = WAL")
        with writing(connection):
            for script in _migrations()[_version(connection) :]:
                sqlite_file.run_script(connection, script)
            connection.execute(f"PRAGMA application_id = {_mark(inode)}")
            connection.execute(f"PRAGMA user_version = {newest}")
    return True


def _version(connection: "sqlite3.Connection") -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


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
