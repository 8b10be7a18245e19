"""Fill the database of the history from the journals: those that have changed since, or all."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from runr import nofollow
from runr.history import database, freshness
from runr.history.freshness import MANY, Mark
from runr.project import Project
from runr.runs import clone_key
from runr.storage.layout import Layout
from runr.storage.sqlite_file import writing

if TYPE_CHECKING:
    import sqlite3

    from runr.history.journals import ReadJournal

Answer = TypeVar("Answer")

#: As many journals are read in one transaction: a writer that waits does not wait long.
_BATCH = 200

#: What of the database is made from the journals.
TABLES = (
    "journals",
    "runs",
    "task_statuses",
    "attempts",
    "usages",
    "verifications",
    "checks",
    "job_runs",
    "job_tasks",
    "landings",
)


def ask(project: Project, work: Callable[["sqlite3.Connection"], Answer]) -> Answer:
    """Return what `work` makes of the database, which has what the journals say now."""
    return database.connect(project.layout, project.clock(), _refreshed(project, work))


def ask_file(project: Project, work: Callable[["sqlite3.Connection"], Answer]) -> Answer | None:
    """Return what `work` makes of the database in its file; None where no run has begun.

    DamagedStateError where the file cannot be used.
    """
    return database.connect_file(project.layout, project.clock(), _refreshed(project, work))


def find_doubtful(project: Project) -> frozenset[str]:
    """Return the runs whose journals may be damaged, after a look at every journal."""

    def read(connection: "sqlite3.Connection") -> frozenset[str]:
        named = connection.execute(database.queries()["whole_names"]).fetchone()[0]
        return frozenset(nofollow.names(project.layout.runs)).difference(named.split("/"))

    if not nofollow.exists(project.layout.runs):
        return frozenset()
    work = _refreshed(project, read, every=True)
    return database.connect(project.layout, project.clock(), work)


def _refreshed(
    project: Project, work: Callable[["sqlite3.Connection"], Answer], *, every: bool = False
) -> Callable[["sqlite3.Connection"], Answer]:
    def refreshed(connection: "sqlite3.Connection") -> Answer:
        with project.doing("reading the journals"):
            refresh(project.layout, connection, every=every)
        return work(connection)

    return refreshed


def refresh(
    layout: Layout,
    connection: "sqlite3.Connection",
    *,
    many: int = MANY,
    every: bool = False,
    now_ns: int | None = None,
) -> int:
    """Read the journals that have changed, forget those that are gone; return how many there were.

    A journal that grows meanwhile is read again the next time.
    """
    version = _data_version(connection)
    found = freshness.look(layout, connection, many=many, every=every, now_ns=now_ns)
    changed = sorted(found.changed)
    key = clone_key.find(layout.root) if changed else None
    for first in range(0, len(changed), _BATCH):
        # What reads journals takes long to load.
        from runr.history import journals  # noqa: PLC0415 - see above

        batch = changed[first : first + _BATCH]
        read = [(path, found.changed[path], journals.read(layout, path, key)) for path in batch]
        with _writing(connection, version):
            _write(connection, read)
    if found.gone:
        with _writing(connection, version):
            _forget(connection, found.gone)
    if found.folders:
        with _writing(connection, version) as alone:
            if alone:
                growing = [(path,) for path in found.growing]
                connection.executemany(database.queries()["unsettle"], growing)
                folders = [(name, *looked_at) for name, looked_at in found.folders.items()]
                connection.executemany(database.queries()["put_folder"], folders)
    return len(changed) + len(found.gone)


@contextmanager
def _writing(connection: "sqlite3.Connection", version: int) -> Iterator[bool]:
    """Make everything inside one change; yield whether no other process has written meanwhile.

    Where one has, it may have read a journal later than this one: all are looked at again.
    """
    with writing(connection):
        alone = _data_version(connection) == version
        if not alone:
            connection.execute(database.queries()["delete_folders"])
        yield alone


def _data_version(connection: "sqlite3.Connection") -> int:
    return int(connection.execute(database.queries()["data_version"]).fetchone()[0])


def differences(layout: Layout, connection: "sqlite3.Connection", now: datetime) -> dict[str, int]:
    """Return how many rows of each table differ from those that the journals lead to."""
    with database.in_memory(now) as fresh:
        refresh(layout, fresh)
        found = {table: rows(connection, table) ^ rows(fresh, table) for table in TABLES}
    return {table: len(differing) for table, differing in found.items() if differing}


def rows(connection: "sqlite3.Connection", table: str) -> set[tuple[object, ...]]:
    """Return all rows of a table of `TABLES`, without when a journal is looked at."""
    if table not in TABLES:
        raise ValueError(table)
    columns = "path, size, changed_ns, record, detail" if table == "journals" else "*"
    return set(connection.execute(f"SELECT {columns} FROM {table}"))  # noqa: S608 - one of TABLES


def _write(
    connection: "sqlite3.Connection", read: Sequence[tuple[str, Mark, "ReadJournal"]]
) -> None:
    import sqlite3  # noqa: PLC0415 - as in `database`

    from runr.history.journals import ReadJournal  # noqa: PLC0415 - as in `refresh`

    paths = [path for path, _, _ in read]
    before = _touched(connection, paths)
    for path, mark, found in read:
        connection.execute("SAVEPOINT journal")
        try:
            _put(connection, path, mark, found)
        except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, ValueError) as error:
            # Every value of a journal that runr wrote passes the checks of the schema. Another
            # one must not keep the history of all others from being read.
            connection.execute("ROLLBACK TO journal")
            _put(connection, path, mark, ReadJournal("damaged", str(error), None))
        connection.execute("RELEASE journal")
    _put_lead_times(connection, before, _touched(connection, paths))


def _forget(connection: "sqlite3.Connection", paths: Collection[str]) -> None:
    before = _touched(connection, paths)
    connection.executemany(database.queries()["delete_journal"], [(path,) for path in paths])
    _put_lead_times(connection, before)


def _touched(connection: "sqlite3.Connection", paths: Iterable[str]) -> list[tuple[str, str]]:
    """Return the tasks that the journals tell of, each with the time of the first change."""
    query = database.queries()["list_touched"]
    return [row for path in paths for row in connection.execute(query, (path,))]


def _put_lead_times(connection: "sqlite3.Connection", *touched: Iterable[tuple[str, str]]) -> None:
    """Write how long the tasks took: that follows from all runs of a task together."""
    since: dict[str, str] = {}
    for task, time in chain.from_iterable(touched):
        since[task] = min(time, since.get(task, time))
    connection.executemany(database.queries()["put_lead_times"], since.items())


def _put(connection: "sqlite3.Connection", path: str, mark: Mark, found: "ReadJournal") -> None:
    from runr.history.job_rows import JobRows  # noqa: PLC0415 - as in `refresh`

    queries = database.queries()
    connection.execute(queries["delete_journal"], (path,))
    row = (path, *mark, found.record, found.detail, found.settled)
    connection.execute(queries["put_journal"], row)
    if found.rows is None:
        return
    if isinstance(found.rows, JobRows):
        connection.execute(queries["put_job_run"], found.rows.job_run)
        connection.executemany(queries["put_job_task"], found.rows.tasks)
        connection.executemany(queries["put_landing"], found.rows.landings)
        return
    connection.execute(queries["put_run"], found.rows.run)
    connection.executemany(queries["put_task_status"], found.rows.statuses)
    connection.executemany(queries["put_attempt"], found.rows.attempts)
    connection.executemany(queries["put_usage"], found.rows.usages)
    connection.executemany(queries["put_verification"], found.rows.verifications)
    connection.executemany(queries["put_check"], found.rows.checks)
    connection.executemany(queries["put_landing"], found.rows.landings)
