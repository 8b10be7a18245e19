"""Listing task files: what is found, what is refused, and what is not read twice."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from runr.core.task import Problem, Task
from runr.errors import UnknownNameError, UsageError
from runr.store import db
from runr.store.layout import Layout
from runr.store.taskfiles import read_content, scan, text_of

HOUR_NS = 3600 * 1_000_000_000


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "repository")
    layout.tasks.mkdir(parents=True)
    return layout


def write(file: Path, content: str | bytes, *, age_ns: int = HOUR_NS) -> Path:
    """Write `content`, old enough to be remembered."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    then = time.time_ns() - age_ns
    os.utime(file, ns=(then, then))
    return file


def rewrite_unseen(file: Path, content: str) -> None:
    """Replace the content by another of the same size, and keep the file's time."""
    state = file.stat()
    assert len(content.encode()) == state.st_size
    file.write_text(content)
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def forbid(path: Path, mode: int, wanted: int) -> None:
    path.chmod(mode)
    if os.access(path, wanted):
        path.chmod(0o755)
        pytest.skip("this user may read and write everything")


def titles(layout: Layout) -> list[str]:
    return [task.title for task in scan(layout)]


def paths(layout: Layout) -> list[str]:
    return [task.path for task in scan(layout)]


def the_problem(task: Task) -> Problem:
    assert len(task.problems) == 1, task.problems
    return task.problems[0]


def the_only(layout: Layout) -> tuple[str, Problem]:
    (task,) = scan(layout)
    return task.path, the_problem(task)


def rows(layout: Layout) -> list[str]:
    with closing(sqlite3.connect(layout.database)) as connection:
        return [row[0] for row in connection.execute("SELECT path FROM task_definitions")]


# What is found


def test_tasks_are_found_in_all_folders_and_come_in_the_order_of_their_paths(
    layout: Layout,
) -> None:
    for name in ("b.md", "a/z.md", "a.md", "a/b/c.md", "notes.txt", "MD", "x.md.bak"):
        write(layout.tasks / name, f"# {name}")
    assert titles(layout) == ["a.md", "a/b/c.md", "a/z.md", "b.md"]
    assert paths(layout)[1] == ".runr/tasks/a/b/c.md"


def test_dot_files_and_dot_folders_are_left_out(layout: Layout) -> None:
    for name in (".hidden.md", ".git/x.md", "a/.b.md", ".md"):
        write(layout.tasks / name, "# no")
    assert scan(layout) == ()


@pytest.mark.parametrize("folder", ["", ".runr", ".runr/tasks"])
def test_without_tasks_nothing_is_listed_and_nothing_is_made(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    before = sorted(tmp_path.rglob("*"))
    assert scan(Layout(tmp_path)) == ()
    assert sorted(tmp_path.rglob("*")) == before


def test_header_problems_stand_on_the_task(layout: Layout) -> None:
    write(layout.tasks / "a.md", "---\ntitle: A\ntitle: B\n---\n")
    assert the_only(layout)[1].code == "duplicate_key"


# What is refused


def test_a_folder_with_a_task_s_name_is_a_problem(layout: Layout) -> None:
    write(layout.tasks / "x.md" / "inner.md", "# inner")
    path, problem = the_only(layout)
    assert (path, problem.code, problem.severity) == (".runr/tasks/x.md", "folder", "error")


def test_a_file_of_a_mebibyte_is_read_and_a_larger_one_is_a_problem(layout: Layout) -> None:
    file = write(layout.tasks / "big.md", "# Big\n" + "x" * (1024 * 1024 - 6))
    assert scan(layout)[0].problems == ()
    write(file, "# Big\n" + "x" * (1024 * 1024 - 5))
    assert the_only(layout)[1].code == "too_large"


def test_a_pipe_is_a_problem_and_nobody_waits_for_its_other_end(layout: Layout) -> None:
    os.mkfifo(layout.tasks / "pipe.md")
    assert the_only(layout)[1].code == "no_file"


def test_a_socket_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout(tmp_path)
    layout.tasks.mkdir(parents=True)
    # A socket's whole path may have no more than about a hundred characters.
    monkeypatch.chdir(layout.tasks)
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind("s.md")
        assert the_only(layout)[1].code == "no_file"


def test_a_file_that_may_not_be_read_is_a_problem(layout: Layout) -> None:
    forbid(write(layout.tasks / "a.md", "# A"), 0, os.R_OK)
    path, problem = the_only(layout)
    assert (path, problem.code) == (".runr/tasks/a.md", "unreadable")
    assert "Permission denied" in problem.message


def test_a_folder_that_may_not_be_listed_is_a_problem(layout: Layout) -> None:
    folder = write(layout.tasks / "sub" / "a.md", "# A").parent
    forbid(folder, 0, os.R_OK)
    try:
        path, problem = the_only(layout)
    finally:
        folder.chmod(0o755)
    assert (path, problem.code) == (".runr/tasks/sub", "unreadable")


def test_a_file_in_the_place_of_the_tasks_folder_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path / ".runr" / "tasks", "no folder")
    path, problem = the_only(Layout(tmp_path))
    assert (path, problem.code) == (".runr/tasks", "unreadable")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"caf\xe9.md", r"caf\xe9.md"),
        (b"a\nb.md", r"a\nb.md"),
        (b"a\x1b[31m.md", r"a\x1b[31m.md"),
        ("a\u202eb.md".encode(), r"a\u202eb.md"),
    ],
)
def test_a_name_that_cannot_be_shown_is_a_problem_with_an_escaped_path(
    layout: Layout, name: bytes, shown: str
) -> None:
    file = os.path.join(os.fsencode(layout.tasks), name)  # noqa: PTH118 - no Path holds bytes
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY))
    path, problem = the_only(layout)
    assert (path, problem.code) == (f".runr/tasks/{shown}", "bad_name")
    assert path.isprintable()


def test_a_folder_that_cannot_be_shown_spoils_the_tasks_in_it(layout: Layout) -> None:
    write(layout.tasks / "a\nb" / "c.md", "# C")
    assert the_only(layout)[0] == r".runr/tasks/a\nb/c.md"


def test_names_in_any_script_are_fine(layout: Layout) -> None:
    write(layout.tasks / "übung 好 👩\u200d💻.md", "# A")
    assert titles(layout) == ["A"]


# Links


def test_a_link_to_a_file_in_the_repository_is_read(layout: Layout) -> None:
    write(layout.root / "docs" / "real.md", "# Real")
    (layout.tasks / "link.md").symlink_to("../../docs/real.md")
    (task,) = scan(layout)
    assert (task.path, task.title, task.problems) == (".runr/tasks/link.md", "Real", ())


def test_a_link_that_is_turned_to_another_file_is_read_again(layout: Layout) -> None:
    one = write(layout.root / "one.md", "# One")
    two = write(layout.root / "two.md", "# Two")
    os.utime(two, ns=(one.stat().st_atime_ns, one.stat().st_mtime_ns))
    link = layout.tasks / "link.md"
    link.symlink_to(one)
    assert titles(layout) == ["One"]
    link.unlink()
    link.symlink_to(two)
    assert titles(layout) == ["Two"]


def test_a_link_in_the_place_of_a_remembered_file_is_read(layout: Layout) -> None:
    file = write(layout.tasks / "a.md", "# One")
    other = write(layout.root / "two.md", "# Two")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    assert titles(layout) == ["One"]
    file.unlink()
    file.symlink_to(other)
    assert titles(layout) == ["Two"]


@pytest.mark.parametrize("target", ["outside.md", "absent.md", "repository-two/x.md"])
def test_a_link_out_of_the_repository_is_a_problem_and_not_read(
    layout: Layout, target: str
) -> None:
    write(layout.root.parent / "outside.md", "# Secret")
    write(layout.root.parent / "repository-two" / "x.md", "# Secret")
    (layout.tasks / "link.md").symlink_to(layout.root.parent / target)
    (task,) = scan(layout)
    assert (the_problem(task).code, task.title) == ("outside", "link")


def test_a_link_to_nothing_is_a_problem(layout: Layout) -> None:
    (layout.tasks / "link.md").symlink_to("absent.md")
    assert the_only(layout)[1].message == "the link leads to nothing"


def test_a_link_to_itself_is_a_problem(layout: Layout) -> None:
    (layout.tasks / "link.md").symlink_to("link.md")
    assert the_only(layout)[1].code == "unreadable"


def test_linked_folders_are_not_entered_so_no_circle_is_run(layout: Layout) -> None:
    write(layout.tasks / "a" / "one.md", "# One")
    (layout.tasks / "a" / "up").symlink_to(layout.tasks)
    assert titles(layout) == ["One"]


def test_a_linked_folder_with_a_task_s_name_is_a_problem(layout: Layout) -> None:
    (layout.root / "docs").mkdir()
    (layout.tasks / "docs.md").symlink_to(layout.root / "docs")
    assert the_only(layout)[1].code == "folder"


def test_a_tasks_folder_that_is_a_link_inside_the_repository_is_read(tmp_path: Path) -> None:
    write(tmp_path / "docs" / "tasks" / "a.md", "# A")
    (tmp_path / ".runr").mkdir()
    (tmp_path / ".runr" / "tasks").symlink_to("../docs/tasks")
    assert paths(Layout(tmp_path)) == [".runr/tasks/a.md"]
    assert read_content(Layout(tmp_path), ".runr/tasks/a.md") == b"# A"


def test_a_tasks_folder_that_leads_out_of_the_repository_is_a_problem(layout: Layout) -> None:
    layout.tasks.rmdir()
    write(layout.root.parent / "elsewhere" / "a.md", "# A")
    layout.tasks.symlink_to(layout.root.parent / "elsewhere")
    assert the_only(layout)[1].code == "outside"


def test_a_repository_reached_through_a_link_is_read(layout: Layout) -> None:
    write(layout.tasks / "a.md", "# A")
    (layout.tasks / "b.md").symlink_to("a.md")
    door = layout.root.parent / "door"
    door.symlink_to(layout.root)
    assert titles(Layout(door)) == ["A", "A"]


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


def test_a_row_of_another_parser_is_not_believed(layout: Layout) -> None:
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
        "import sys; from pathlib import Path; from runr.store.layout import Layout;"
        "from runr.store.taskfiles import scan; print(scan(Layout(Path(sys.argv[1])))[0].title,"
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
        "import sys; from pathlib import Path; from runr.store.layout import Layout;"
        "from runr.store.taskfiles import scan; print(scan(Layout(Path(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", script, str(layout.root)]
    listings = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)
    ]
    answers = [listing.communicate(timeout=60) for listing in listings]
    assert set(answers) == {(f"{scan(layout)}\n".encode(), b"")}
    assert len(rows(layout)) == 300
    assert list(layout.runr.glob("*corrupt*")) == []


def test_changes_stand_together_or_not_at_all(layout: Layout) -> None:
    def interrupted(connection: sqlite3.Connection) -> None:
        with db.writing(connection):
            connection.execute("DELETE FROM task_definitions")
            raise KeyboardInterrupt

    write(layout.tasks / "a.md", "# A")
    scan(layout)
    with pytest.raises(KeyboardInterrupt):
        db.use(layout, interrupted, now_ns=0)
    assert rows(layout) == [".runr/tasks/a.md"]


def test_every_query_is_one_statement_that_the_newest_schema_accepts(tmp_path: Path) -> None:
    def explain(connection: sqlite3.Connection) -> None:
        for name, statement in db.queries().items():
            assert sqlite3.complete_statement(statement), name
            connection.execute(f"EXPLAIN {statement}", [None] * statement.count("?"))

    assert db.queries()
    db.use(Layout(tmp_path), explain, now_ns=0)


# Reading one task


def test_the_content_of_a_task_is_its_bytes(layout: Layout) -> None:
    content = b"\xef\xbb\xbf---\r\ntitle: A\r\n---\r\n# B\r\n"
    write(layout.tasks / "sub" / "a.md", content)
    assert read_content(layout, ".runr/tasks/sub/a.md") == content
    assert text_of(content) == "# B"


def test_a_task_that_is_not_there_is_an_unknown_name(layout: Layout) -> None:
    with pytest.raises(UnknownNameError, match=r"no task file \.runr/tasks/a\.md"):
        read_content(layout, ".runr/tasks/a.md")


@pytest.mark.parametrize(
    "path",
    [
        "../outside.md",
        ".runr/tasks/../../../outside.md",
        ".runr/tasks/../tasks/a.md",
        ".runr/tasks/./a.md",
        ".runr/tasks//a.md",
        ".runr/config.md",
        ".runr/tasks/a.txt",
        ".runr/tasks",
        ".runr/tasks/a\0.md",
        "/etc/passwd",
        "",
    ],
)
def test_a_path_that_is_no_task_s_is_refused(layout: Layout, path: str) -> None:
    write(layout.root.parent / "outside.md", "# Secret")
    write(layout.tasks / "a.md", "# A")
    with pytest.raises(UsageError, match="is no path of a task file"):
        read_content(layout, path)


@pytest.mark.parametrize("link", ["link.md", "folder/outside.md"])
def test_the_content_is_not_read_through_a_link_out_of_the_repository(
    layout: Layout, link: str
) -> None:
    write(layout.root.parent / "outside.md", "# Secret")
    target = "outside.md" if link == "link.md" else "."
    (layout.tasks / link.split("/", maxsplit=1)[0]).symlink_to(layout.root.parent / target)
    with pytest.raises(UsageError, match="leads out of the repository"):
        read_content(layout, f".runr/tasks/{link}")


def test_a_folder_has_no_content(layout: Layout) -> None:
    (layout.tasks / "x.md").mkdir()
    with pytest.raises(UsageError, match="a folder cannot be a task"):
        read_content(layout, ".runr/tasks/x.md")
