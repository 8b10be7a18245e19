"""A database of each older schema is brought to the newest one, with the rows of the journals."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runr.history import database, index, upkeep
from runr.project import Project
from runr.runs import clone_key
from unit.git_trees import make
from unit.journals_of_runs import Journals, completed, stopped

OLDER = sorted((Path(__file__).parents[1] / "fixtures/history").glob("schema-*.sql"))

Rows = dict[str, set[tuple[object, ...]]]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project with two runs, and no database yet."""
    found = Project.open(make(tmp_path / "repo"), {})
    journals = Journals(found.layout)
    journals.run("a", completed())
    journals.run("b", stopped())
    return found


def older(project: Project, script: Path, reader: int | None = None) -> None:
    """Put a database of an older schema in place, as this clone would have made it."""
    key = clone_key.find(project.layout.root)
    assert key
    with closing(sqlite3.connect(project.layout.history)) as connection, connection:
        connection.executescript(script.read_text(encoding="utf-8"))
        seal = database._seal(project.layout, key)  # noqa: SLF001 - as it was made
        query = "UPDATE origin SET seal = ?, reader = coalesce(?, reader)"
        connection.execute(query, (seal, reader))


def rows_of(project: Project) -> Rows:
    return index.ask(
        project, lambda rows: {table: index.rows(rows, table) for table in index.TABLES}
    )


def schema(connection: sqlite3.Connection) -> set[tuple[object, ...]]:
    return set(connection.execute("SELECT type, name, tbl_name FROM sqlite_master"))


def test_each_older_schema_has_a_file_here() -> None:
    numbers = {int(path.stem.removeprefix("schema-")) for path in OLDER}
    assert numbers == set(range(1, len(database.migrations())))


@pytest.mark.parametrize("reader", [None, database.READER])
@pytest.mark.parametrize("script", OLDER, ids=lambda path: path.stem)
def test_an_older_database_is_migrated_once_after_a_copy_was_made(
    project: Project, script: Path, reader: int | None
) -> None:
    older(project, script, reader)
    inode = project.layout.history.stat().st_ino
    before = project.layout.history.read_bytes()
    version = int(script.stem.removeprefix("schema-"))
    newest = len(database.migrations())
    assert upkeep.migrate(project).changed == [f"schema {version} to {newest}"]
    assert project.layout.history.stat().st_ino == inode
    with closing(sqlite3.connect(f"{project.layout.history}.schema-{version}")) as copy:
        old = list(copy.iterdump())
    with closing(sqlite3.connect(":memory:")) as given:
        given.deserialize(before)
        assert old == list(given.iterdump())
    migrated = index.ask(project, schema)
    rows = rows_of(project)
    assert upkeep.migrate(project).changed == []
    assert upkeep.check(project).problems == []
    project.layout.history.unlink()
    assert (rows_of(project), index.ask(project, schema)) == (rows, migrated)


def test_a_migration_that_fails_leaves_the_older_database(project: Project) -> None:
    older(project, OLDER[-1])
    with closing(sqlite3.connect(project.layout.history)) as connection, connection:
        connection.execute("DROP INDEX landings_by_time")
        tables = schema(connection)
    rows_of(project)
    with closing(sqlite3.connect(project.layout.history)) as connection:
        assert schema(connection) == tables
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (3,)


def test_rows_of_another_reader_are_made_again_in_the_same_file(project: Project) -> None:
    rows = rows_of(project)
    with closing(sqlite3.connect(project.layout.history)) as connection, connection:
        connection.execute("UPDATE origin SET reader = reader - 1")
        connection.execute("UPDATE runs SET title = 'as it was read before'")
    inode = project.layout.history.stat().st_ino
    assert rows_of(project) == rows
    assert project.layout.history.stat().st_ino == inode
    assert not list(project.layout.runr.glob("history.db.schema-*"))
