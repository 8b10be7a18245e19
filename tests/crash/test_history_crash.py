"""Whoever reads the journals may be killed anywhere: the database opens, and agrees with them."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from crash.killed_reader import KilledReader
from fakes.marks import also_long
from perf import synthetic_history
from runr.history import database, index, upkeep
from runr.maintenance import rebuild
from runr.project import Project
from runr.runs import clone_key
from runr.runs.events import RunResumed
from unit.git_trees import make
from unit.journals_of_runs import COMPLETED, Journals, completed, landed, stopped, worked

FIXTURES = Path(__file__).parents[1] / "fixtures/history"
NEWEST = len(database.migrations())

Rows = dict[str, set[tuple[object, ...]]]


class Clone:
    """A repository with journals, and a process that reads them and is killed."""

    def __init__(self, root: Path, runs: int) -> None:
        if runs:
            self.project = synthetic_history.make_project(root, runs, tasks=20)
        else:
            self.project = Project.open(make(root), {})
        self.layout = self.project.layout
        self.journals = Journals(self.layout)
        self.journals.run("a", completed(cost_usd=0.5))
        self.stopped = self.journals.run("b", stopped())
        self.reader = KilledReader(self.layout.root)

    def forget(self) -> None:
        """Have no database."""
        for path in self.layout.runr.glob("history.db*"):
            path.unlink()

    def put_older(self, version: int) -> list[str]:
        """Have a database of an older schema; return what is in it."""
        self.forget()
        key = clone_key.find(self.layout.root)
        assert key
        with closing(sqlite3.connect(self.layout.history)) as connection, connection:
            script = FIXTURES / f"schema-{version}.sql"
            connection.executescript(script.read_text(encoding="utf-8"))
            seal = database._seal(self.layout, key)  # noqa: SLF001 - as it was made
            connection.execute("UPDATE origin SET seal = ?", (seal,))
            return list(connection.iterdump())

    def found(self) -> tuple[int, list[str]]:
        """Return the schema and all that is in the database, which is whole."""
        with closing(sqlite3.connect(self.layout.history)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            query = "SELECT count(*) FROM sqlite_master"
            if connection.execute(query).fetchone() == (0,):
                return 0, []
            (version,) = connection.execute(database.queries()["schema_version"]).fetchone()
            return version, list(connection.iterdump())

    def rows(self) -> Rows:
        """Return all rows, after the next command has read the journals."""
        return index.ask(
            self.project, lambda rows: {table: index.rows(rows, table) for table in index.TABLES}
        )


@pytest.fixture
def clone(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Clone]:
    made = Clone(tmp_path / "repo", getattr(request, "param", 0))
    yield made
    made.reader.close()


def killed_at_each(
    reader: KilledReader, before: Callable[[], object], points: int
) -> Iterator[int]:
    """Kill at as many steps, evenly apart, each time after `before`; yield after each kill."""
    before()
    steps = reader.read()
    assert steps
    for point in range(points):
        before()
        step = 1 + point * (steps - 1) // max(points - 1, 1)
        assert reader.read(step) is None
        yield step


def agrees(clone: Clone, rows: Rows) -> None:
    """Check what the next command finds, and that nothing was taken for damaged."""
    assert clone.rows() == rows
    assert upkeep.check(clone.project).problems == []
    assert not list(clone.layout.runr.glob("history.db.corrupt-*"))


@pytest.mark.parametrize(
    ("version", "points"),
    [(number, 4) for number in range(1, NEWEST)]
    + also_long(*((number, 150) for number in range(1, NEWEST))),
)
def test_a_migration_that_is_killed_leaves_the_older_database_or_the_newest(
    clone: Clone, version: int, points: int
) -> None:
    rows = clone.rows()
    older: list[str] = []
    seen = set[int]()

    def put() -> None:
        older[:] = clone.put_older(version)

    for _ in killed_at_each(clone.reader, put, points):
        schema, content = clone.found()
        seen.add(schema)
        assert schema in (version, NEWEST)
        if schema == version:
            assert content == older
        agrees(clone, rows)
        with closing(sqlite3.connect(f"{clone.layout.history}.schema-{version}")) as copy:
            assert list(copy.iterdump()) == older
    assert seen == {version, NEWEST}


@pytest.mark.parametrize(
    ("clone", "points"), [(0, 4), *also_long((0, 150), (450, 15))], indirect=["clone"]
)
def test_a_first_reading_that_is_killed_leaves_what_the_next_completes(
    clone: Clone, points: int
) -> None:
    rows = clone.rows()
    for _ in killed_at_each(clone.reader, clone.forget, points):
        schema, _ = clone.found()
        assert schema in (0, NEWEST)
        agrees(clone, rows)


@pytest.mark.parametrize("points", [4, *also_long(100)])
def test_an_update_that_is_killed_leaves_each_journal_as_it_was_or_as_it_is(
    clone: Clone, points: int
) -> None:
    kept = clone.layout.runr / "kept"
    old = clone.rows()
    clone.journals.append(clone.stopped, [RunResumed(), *worked(2), *landed(), COMPLETED])
    clone.journals.run("c", completed())
    new = clone.rows()
    later = [folder for folder in clone.layout.runs.iterdir() if folder.name.endswith("0003")]
    assert old != new

    def before() -> None:
        # Without the last run, and with another mark of the one that went on.
        clone.forget()
        later[0].rename(kept)
        clone.rows()
        kept.rename(later[0])
        with closing(sqlite3.connect(clone.layout.history)) as connection, connection:
            connection.execute("UPDATE journals SET size = size - 1 WHERE path LIKE '%0002'")

    for _ in killed_at_each(clone.reader, before, points):
        assert clone.found()[0] == NEWEST
        agrees(clone, new)
    rebuild.rebuild(clone.project, dry_run=False)
    agrees(clone, new)
