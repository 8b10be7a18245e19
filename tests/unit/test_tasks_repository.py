"""Task files: what is found, what is refused, and how one is read."""

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from runr.errors import UnknownNameError, UsageError
from runr.storage.layout import Layout
from runr.tasks.repository import read_content, scan, text_of
from unit.task_folder import forbid, paths, the_only, titles, write


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "repository")
    layout.tasks.mkdir(parents=True)
    return layout


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


def test_a_named_pipe_is_a_problem_and_does_not_block(layout: Layout) -> None:
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
