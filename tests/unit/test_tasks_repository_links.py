"""Links among the task files: followed inside the repository, and never out of it."""

import os
from pathlib import Path

import pytest

from runr.storage.layout import Layout
from runr.tasks.repository import read_content, scan
from unit.task_folder import paths, the_only, the_problem, titles, write


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "repository")
    layout.tasks.mkdir(parents=True)
    return layout


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


def test_linked_folders_are_not_entered(layout: Layout) -> None:
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
