"""The database of the history: `.runr/history.db`, an index over the journals that may be lost.

A file that is not the one that this clone made is not used: each knows its own inode, sealed with
the key of the clone, so that one that came in a commit, or was copied, is made again.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from runr import nofollow
from runr.clock import format_utc
from runr.errors import DamagedStateError
from runr.next_steps import commands
from runr.runs import clone_key
from runr.runs.chain import Key
from runr.storage import files, sqlite_file, state_dir
from runr.storage.layout import Layout
from runr.storage.sqlite_file import writing

if TYPE_CHECKING:
    import sqlite3

Result = TypeVar("Result")

_HERE = Path(__file__).parent
#: Counted up when the rows that the same journal leads to change.
READER = 5

#: The folders of the journals.
_RECORDS = ("runs", "job-runs")


class Version(NamedTuple):
    """The schema that a file has, and the one of this runr; 0 is an empty file."""

    found: int
    newest: int

    @property
    def is_newer(self) -> bool:
        """Whether a newer runr wrote the file."""
        return self.found > self.newest


def queries() -> dict[str, str]:
    """Return the statements of `queries.sql` by name."""
    return sqlite_file.named_statements(_HERE / "queries.sql")


def migrations() -> tuple[Path, ...]:
    """Return the migrations in their order."""
    return sqlite_file.scripts(_HERE / "migrations")


@contextmanager
def in_memory(now: datetime) -> Iterator["sqlite3.Connection"]:
    """Yield an empty database that is gone afterwards."""
    with closing(sqlite_file.open_connection(None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        _create(connection, 0, now)
        yield connection


def connect(
    layout: Layout, now: datetime, work: Callable[["sqlite3.Connection"], Result]
) -> Result:
    """Return what `work` makes of the database; `work` may be called again on another one.

    It is made, migrated or made again where it is not as it has to be, and set aside where it is
    damaged. DamagedStateError where a newer runr wrote it. Where no file can serve (none may be
    written, no run has begun yet) `work` gets an empty one in memory.
    """
    import sqlite3  # noqa: PLC0415 - as in `sqlite_file`

    with suppress(sqlite3.DatabaseError, OSError):
        if key := _key(layout):
            return _in_its_file(layout, key, now, work)
    with in_memory(now) as connection:
        return work(connection)


def connect_file(
    layout: Layout, now: datetime, work: Callable[["sqlite3.Connection"], Result]
) -> Result | None:
    """Return what `work` makes of the file, as `connect` does; None where no run has begun.

    DamagedStateError where the file cannot be used.
    """
    import sqlite3  # noqa: PLC0415 - as in `sqlite_file`

    for path in sqlite_file.with_logs(layout.history):
        nofollow.require_file(path)
    try:
        key = _key(layout)
        return _in_its_file(layout, key, now, work) if key else None
    except (sqlite3.DatabaseError, OSError) as error:
        raise unusable(layout, getattr(error, "strerror", None) or str(error)) from None


def _key(layout: Layout) -> Key | None:
    """Return the key of the clone, made where the only records are of others; None without any."""
    if not nofollow.is_folder(layout.runr):
        return None
    key = clone_key.find(layout.root)
    folders = (layout.runr / name for name in _RECORDS)
    if key or not any(nofollow.is_folder(folder) and nofollow.names(folder) for folder in folders):
        return key
    return clone_key.ensure(layout.root)


def _in_its_file(
    layout: Layout, key: Key, now: datetime, work: Callable[["sqlite3.Connection"], Result]
) -> Result:
    import sqlite3  # noqa: PLC0415 - as in `sqlite_file`

    seen = sqlite_file.inode(layout.history)
    try:
        with closing(_prepared(layout, key, now)) as connection:
            return work(connection)
    except sqlite3.DatabaseError as error:
        if not sqlite_file.is_damage(error) or not _set_aside(layout, seen, now):
            raise
    with closing(_prepared(layout, key, now)) as connection:
        return work(connection)


def unusable(layout: Layout, why: str) -> DamagedStateError:
    """Return the error that says why the file cannot be used."""
    shown = layout.history.relative_to(layout.root)
    message = f"{shown} cannot be used ({why}): until it can, each report reads all journals"
    steps = [commands.program(*words, str(layout.runr)) for words in (("ls", "-la"), ("df",))]
    return DamagedStateError(message, next_steps=steps)


def version_of(layout: Layout) -> Version:
    """Return the schema of the file as it is; of a file that is no database, 0."""
    import sqlite3  # noqa: PLC0415 - as in `sqlite_file`

    newest = len(migrations())
    if not nofollow.exists(layout.history):
        return Version(0, newest)
    try:
        with closing(sqlite_file.open_connection(layout.history)) as connection:
            return Version(_version(connection), newest)
    except sqlite3.DatabaseError:
        return Version(0, newest)


def refuse_newer(layout: Layout) -> None:
    """Raise DamagedStateError where a newer runr wrote the file."""
    version = version_of(layout)
    if version.is_newer:
        raise _newer(layout, version)


def _set_aside(layout: Layout, seen: int | None, now: datetime) -> bool:
    now_ns = int(now.timestamp()) * 1_000_000_000
    return sqlite_file.set_aside(layout.history, damage_lock(layout), seen, now_ns)


def damage_lock(layout: Layout) -> Path:
    """Return the lock that whoever removes the file takes."""
    return layout.history_lock.with_name("history-damage")


def _prepared(layout: Layout, key: Key, now: datetime) -> "sqlite3.Connection":
    """Return a connection to a database that is this clone's, with the newest schema."""
    if nofollow.exists(layout.history):
        connection = _connected(layout)
        if is_current(layout, connection, key):
            return connection
        connection.close()
    state_dir.ensure_state_dir(layout)
    with files.locked(layout.history_lock):
        connection = _connected(layout)
        try:
            if not is_current(layout, connection, key):
                connection = _made_ready(layout, connection, key, now)
        except BaseException:
            connection.close()
            raise
        return connection


def _connected(layout: Layout) -> "sqlite3.Connection":
    connection = sqlite_file.open_connection(layout.history)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def is_current(layout: Layout, connection: "sqlite3.Connection", key: Key) -> bool:
    """Tell whether the database, or a copy of it, is this clone's and has the newest schema.

    DamagedStateError where a newer runr wrote it.
    """
    version = Version(_version(connection), len(migrations()))
    if version.is_newer:
        raise _newer(layout, version)
    own = version.found == version.newest and _is_own(layout, connection, key)
    return own and _reader(connection) == READER


def _made_ready(
    layout: Layout, connection: "sqlite3.Connection", key: Key, now: datetime
) -> "sqlite3.Connection":
    version = _version(connection)
    if version and not _is_own(layout, connection, key):
        connection.close()
        sqlite_file.remove_logs(layout.history)
        nofollow.unlink(layout.history)
        connection, version = _connected(layout), 0
    if 0 < version < len(migrations()):
        _back_up(layout, connection, version)
    # Stays with the file.
    connection.execute("PRAGMA journal_mode = WAL")
    _create(connection, version, now, _seal(layout, key))
    return connection


def _create(
    connection: "sqlite3.Connection", version: int, now: datetime, seal: str = "0" * 32
) -> None:
    """Bring the schema from `version` to the newest; all of it, or nothing.

    The rows of another reader go: the journals are read again.
    """
    with writing(connection):
        for number, script in enumerate(migrations()[version:], version + 1):
            sqlite_file.run_script(connection, script)
            connection.execute(queries()["put_schema_version"], (number, format_utc(now)))
        if version and _reader(connection) != READER:
            connection.execute(queries()["delete_journals"])
            connection.execute(queries()["delete_folders"])
        connection.execute(queries()["put_origin"], (seal, READER))


def _back_up(layout: Layout, connection: "sqlite3.Connection", version: int) -> None:
    """Copy the database as it is beside it, in place of an earlier copy of the same schema."""
    backup = layout.history.with_name(f"{layout.history.name}.schema-{version}")
    nofollow.unlink(backup, missing_ok=True)
    with closing(sqlite_file.open_connection(backup)) as copy:
        connection.backup(copy)


def _version(connection: "sqlite3.Connection") -> int:
    if connection.execute(queries()["has_schema_version"]).fetchone() is None:
        return 0
    return int(connection.execute(queries()["schema_version"]).fetchone()[0])


def _is_own(layout: Layout, connection: "sqlite3.Connection", key: Key) -> bool:
    row = connection.execute(queries()["origin"]).fetchone()
    return row is not None and row[0] == _seal(layout, key)


def _reader(connection: "sqlite3.Connection") -> int:
    return int(connection.execute(queries()["origin"]).fetchone()[1])


def _seal(layout: Layout, key: Key) -> str:
    text = f"history {sqlite_file.inode(layout.history)}".encode()
    return blake2b(text, digest_size=16, key=key.secret).hexdigest()


def _newer(layout: Layout, version: Version) -> DamagedStateError:
    name = layout.history.relative_to(layout.root)
    return DamagedStateError(
        f"{name} was written by a newer runr (schema {version.found}, this one knows "
        f"{version.newest}): upgrade, or remove it, and it is made again from the journals",
        next_steps=[commands.upgrade(), commands.program("rm", str(layout.history))],
    )
