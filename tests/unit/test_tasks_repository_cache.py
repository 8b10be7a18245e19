"""What is remembered of task files, so that nothing is parsed twice, and the database for it."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from runr.storage import database, sqlite_file
from runr.storage.layout import Layout
from runr.tasks.repository import scan
from unit.task_folder import HOUR_NS, forbid, paths, rewrite_unseen, rows, the_only, titles, write


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "repository")
    layout.tasks.mkdir(parents=True)
    return layout


# What is remembered


def test_a_file_that_did_not_change_is_not_read_again(layout: Layout) -> None:
    file = write(layout.tasks / "a.md", "---\ntags: [x]\npriority: 3\n---\n# Old")
    first = scan(layout)
    rewrite_unseen(file, "---\ntags: [y]\npriority: 4\n---\n# New")
    assert scan(layout) == first
    assert (first[0].title, first[0].tags, first[0].priority) == ("Old", ("x",), 3)


def test_problems_are_remembered_as_they_were(layout: Layout) -> None:
    write(layout.tasks / "a.md", "---\ntype: autmated\nzebra: x\n---\n# A")
    first = scan(layout)
    assert len(first[0].problems) == 2
    assert scan(layout) == first


def test_a_new_time_or_a_new_size_is_a_change(layout: Layout) -> None:
    file = write(layout.tasks / "a.md", "# One")
    assert titles(layout) == ["One"]
    write(file, "# Two", age_ns=HOUR_NS // 2)
    assert titles(layout) == ["Two"]
    state = file.stat()
    file.write_text("# Three")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert titles(layout) == ["Three"]


@pytest.mark.parametrize("age_ns", [0, 1_900_000_000, -HOUR_NS])
def test_a_file_written_just_now_or_in_the_future_is_not_trusted_to_its_time(
    layout: Layout, age_ns: int
) -> None:
    file = write(layout.tasks / "a.md", "# Old", age_ns=0)
    now = file.stat().st_mtime_ns + age_ns
    assert scan(layout, now_ns=now)[0].title == "Old"
    rewrite_unseen(file, "# New")
    assert scan(layout, now_ns=now)[0].title == "New"


def test_a_file_two_seconds_old_is_trusted_to_its_time(layout: Layout) -> None:
    file = write(layout.tasks / "a.md", "# Old", age_ns=0)
    now = file.stat().st_mtime_ns + 2_000_000_001
    assert scan(layout, now_ns=now)[0].title == "Old"
    rewrite_unseen(file, "# New")
    assert scan(layout, now_ns=now)[0].title == "Old"


def test_what_is_gone_is_forgotten_and_what_moved_is_read(layout: Layout) -> None:
    write(layout.tasks / "stays.md", "# Stays")
    file = write(layout.tasks / "a.md", "# A")
    assert titles(layout) == ["A", "Stays"]
    file.rename(layout.tasks / "b.md")
    assert paths(layout) == [".runr/tasks/b.md", ".runr/tasks/stays.md"]
    assert sorted(rows(layout)) == [".runr/tasks/b.md", ".runr/tasks/stays.md"]


def test_a_row_of_another_parser_version_is_ignored(layout: Layout) -> None:
    file = write(layout.tasks / "a.md", "# Old")
    scan(layout)
    with closing(sqlite3.connect(layout.database)) as connection, connection:
        connection.execute("UPDATE task_definitions SET parser = 'another'")
    rewrite_unseen(file, "# New")
    assert titles(layout) == ["New"]
    assert titles(layout) == ["New"]


@pytest.mark.parametrize("body", ["", "{}", "not json", '{"path": "x", "title": 3}'])
def test_a_row_that_holds_no_task_is_read_again(layout: Layout, body: str) -> None:
    write(layout.tasks / "a.md", "# A")
    scan(layout)
    with closing(sqlite3.connect(layout.database)) as connection, connection:
        connection.execute("UPDATE task_definitions SET body = ?", (body,))
    assert titles(layout) == ["A"]


def test_a_file_that_became_unreadable_is_not_shown_from_memory(layout: Layout) -> None:
    file = write(layout.tasks / "a.md", "# A")
    scan(layout)
    file.unlink()
    file.mkdir()
    assert the_only(layout)[1].code == "folder"


def test_a_listing_without_changes_imports_no_parser(layout: Layout) -> None:
    write(layout.tasks / "a.md", "---\ntitle: A\n---\n")
    scan(layout)
    script = (
        "import sys; from pathlib import Path; from runr.storage.layout import Layout;"
        "from runr.tasks.repository import scan; print(scan(Layout(Path(sys.argv[1])))[0].title,"
        "'yaml' in sys.modules, 'frontmatter' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(layout.root)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["A", "False", "False"]


# The database


@pytest.mark.parametrize("damage", [b"", b"this is no database" * 100, b"SQLite format 3\0" * 300])
def test_a_damaged_database_never_stops_a_listing(layout: Layout, damage: bytes) -> None:
    write(layout.tasks / "a.md", "# A")
    scan(layout)
    layout.database.write_bytes(damage)
    assert titles(layout) == ["A"]
    assert rows(layout) == [".runr/tasks/a.md"]


def test_a_damaged_database_is_moved_aside_under_the_time_of_day(layout: Layout) -> None:
    write(layout.tasks / "a.md", "# A")
    layout.database.write_bytes(b"damaged" * 1000)
    scan(layout, now_ns=1_736_346_922 * 1_000_000_000)
    aside = layout.runr / "runr.db.corrupt-20250108T143522Z"
    assert aside.read_bytes() == b"damaged" * 1000
    assert rows(layout) == []


def test_damage_inside_a_database_is_found_and_moved_aside(layout: Layout) -> None:
    for number in range(200):
        write(layout.tasks / f"{number:03}.md", f"# Task {number} " + "x" * 200)
    scan(layout)
    content = layout.database.read_bytes()
    layout.database.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    assert len(scan(layout)) == 200
    assert len(list(layout.runr.glob("runr.db.corrupt-*"))) == 1
    assert len(rows(layout)) == 200


def test_a_database_that_cannot_be_opened_is_left_alone(layout: Layout) -> None:
    write(layout.tasks / "a.md", "# A")
    layout.database.mkdir()
    assert titles(layout) == ["A"]
    assert list(layout.database.iterdir()) == []


def test_a_database_without_the_table_it_should_have_stops_nothing(layout: Layout) -> None:
    write(layout.tasks / "a.md", "# A")
    scan(layout)
    with closing(sqlite3.connect(layout.database)) as connection, connection:
        connection.execute("DROP TABLE task_definitions")
    assert titles(layout) == ["A"]


def test_a_newer_database_is_left_untouched(layout: Layout) -> None:
    write(layout.tasks / "a.md", "# A")
    with closing(sqlite3.connect(layout.database)) as connection, connection:
        connection.execute("CREATE TABLE later (x)")
        connection.execute("PRAGMA user_version = 999")
    before = layout.database.read_bytes()
    assert titles(layout) == ["A"]
    assert layout.database.read_bytes() == before
    assert [file.name for file in layout.runr.iterdir() if "corrupt" in file.name] == []


@pytest.mark.parametrize("damaged", [False, True])
def test_a_folder_that_may_not_be_written_stops_no_listing(layout: Layout, damaged: bool) -> None:
    write(layout.tasks / "a.md", "# A")
    if damaged:
        layout.database.write_bytes(b"damaged" * 1000)
    before = sorted(layout.runr.rglob("*"))
    forbid(layout.runr, 0o555, os.W_OK)
    try:
        assert titles(layout) == ["A"]
        assert sorted(layout.runr.rglob("*")) == before
    finally:
        layout.runr.chmod(0o755)


def test_listings_at_the_same_time_agree_and_leave_a_whole_database(layout: Layout) -> None:
    for number in range(300):
        write(layout.tasks / f"{number:03}.md", f"---\ntags: [t{number}]\n---\n# Task {number}")
    script = (
        "import sys; from pathlib import Path; from runr.storage.layout import Layout;"
        "from runr.tasks.repository import scan; print(scan(Layout(Path(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", script, str(layout.root)]
    listings = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)
    ]
    answers = [listing.communicate(timeout=60) for listing in listings]
    assert set(answers) == {(f"{scan(layout)}\n".encode(), b"")}
    assert len(rows(layout)) == 300
    assert list(layout.runr.glob("*corrupt*")) == []


def test_changes_are_written_in_one_transaction(layout: Layout) -> None:
    def interrupted(connection: sqlite3.Connection) -> None:
        with sqlite_file.writing(connection):
            connection.execute("DELETE FROM task_definitions")
            raise KeyboardInterrupt

    write(layout.tasks / "a.md", "# A")
    scan(layout)
    with pytest.raises(KeyboardInterrupt):
        database.connect(layout, interrupted, now_ns=0)
    assert rows(layout) == [".runr/tasks/a.md"]


def test_every_query_is_one_statement_that_the_newest_schema_accepts(tmp_path: Path) -> None:
    def explain(connection: sqlite3.Connection) -> None:
        for name, statement in database.queries().items():
            assert sqlite3.complete_statement(statement), name
            connection.execute(f"EXPLAIN {statement}", [None] * statement.count("?"))

    assert database.queries()
    database.connect(Layout(tmp_path), explain, now_ns=0)
