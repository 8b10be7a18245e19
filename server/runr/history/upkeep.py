"""Check, migrate and shrink the database of the history."""

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runr import nofollow
from runr.history import database, index
from runr.next_steps import commands
from runr.project import Project
from runr.query.models import CommandResult, Result
from runr.runs import clone_key
from runr.storage import sqlite_file
from runr.storage.layout import Layout
from runr.text import pluralize

if TYPE_CHECKING:
    import sqlite3


_NO_RUNS = "No run has begun here: there is no database yet."


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFile(Result):
    """The file, its schema and that of this runr; the schema of a missing file is 0."""

    path: str
    exists: bool
    schema_version: int
    newest_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseCheck(Result):
    """What is wrong with the database, and how many rows each table has.

    `unconfirmed` are journals that are no evidence, each with the reason.
    """

    path: str
    schema_version: int
    problems: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    unconfirmed: dict[str, str] = field(default_factory=dict)


def locate(project: Project) -> DatabaseFile:
    """Return where the database is, without making it."""
    version = database.version_of(project.layout)
    return DatabaseFile(
        path=str(project.layout.history),
        exists=nofollow.exists(project.layout.history),
        schema_version=version.found,
        newest_version=version.newest,
    )


def check(project: Project) -> DatabaseCheck:
    """Compare the database with the journals, and change nothing."""
    layout = project.layout
    nofollow.require_file(layout.history)
    database.refuse_newer(layout)
    version, problems = database.version_of(layout), []
    counts: dict[str, int] = {}
    with database.in_memory(project.clock()) as fresh:
        index.refresh(layout, fresh)
        unconfirmed = {
            path: f"{record}: {detail}" if detail else record
            for path, record, detail in fresh.execute(database.queries()["damaged_journals"])
        }
        if nofollow.exists(layout.history):
            problems = _problems(layout, fresh)
        counts = {table: len(index.rows(fresh, table)) for table in index.TABLES}
    return DatabaseCheck(
        path=str(layout.history),
        schema_version=version.found,
        problems=problems,
        rows=counts,
        unconfirmed=unconfirmed,
        next_steps=project.surface.lines([commands.rebuild()] if problems else []),
    )


def _problems(layout: Layout, fresh: "sqlite3.Connection") -> list[str]:
    """Return what is wrong with the file that is there; `fresh` has the rows as they should be."""
    import sqlite3  # noqa: PLC0415 - as in `database`

    try:
        with (
            closing(sqlite_file.open_connection(layout.history)) as connection,
            closing(sqlite_file.open_connection(None)) as copy,
        ):
            connection.backup(copy)
            found = [
                str(row[0]) for row in copy.execute("PRAGMA integrity_check") if row[0] != "ok"
            ]
            key = clone_key.find(layout.root)
            if not found and not (key and database.is_current(layout, copy, key)):
                return ["it was not made here, or is older: the next command makes it again"]
            if not found:
                found = _differences(layout, copy, fresh)
    except sqlite3.DatabaseError as error:
        if not sqlite_file.is_damage(error):
            raise database.unusable(layout, str(error)) from None
        return [f"it is no database, or damaged: {error}"]
    return found


def _differences(
    layout: Layout, copy: "sqlite3.Connection", fresh: "sqlite3.Connection"
) -> list[str]:
    # What was appended to the journals meanwhile is no fault of the file.
    copy.execute("PRAGMA foreign_keys = ON")
    index.refresh(layout, copy)
    return [
        f"{pluralize(len(differing), 'row')} of {table} not as in the journals"
        for table in index.TABLES
        if (differing := index.rows(copy, table) ^ index.rows(fresh, table))
    ]


def migrate(project: Project) -> CommandResult:
    """Bring the database to the newest schema, and its rows up to date."""
    shown = project.layout.history.relative_to(project.layout.root)
    before = database.version_of(project.layout)
    if not index.ask_file(project, lambda _: True):
        return CommandResult(message=_NO_RUNS)
    after = database.version_of(project.layout)
    if before.found == after.found:
        return CommandResult(message=f"{shown} has schema {after.found}, the newest one.")
    changed = [f"schema {before.found} to {after.found}"]
    return CommandResult(message=f"{shown} was migrated:", changed=changed)


def vacuum(project: Project) -> CommandResult:
    """Return unused space to the file system."""
    layout = project.layout
    before = _size(layout)
    if not index.ask_file(project, _shrink):
        return CommandResult(message=_NO_RUNS)
    shown = layout.history.relative_to(layout.root)
    sizes = f"{before // 1024} to {_size(layout) // 1024} KiB"
    return CommandResult(message=f"{shown}: {sizes}")


def _shrink(connection: "sqlite3.Connection") -> bool:
    for statement in ("VACUUM", "PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)"):
        connection.execute(statement)
    return True


def _size(layout: Layout) -> int:
    return nofollow.stat(layout.history).st_size if nofollow.exists(layout.history) else 0
