"""Tasks that are kept in memory: nothing is read twice, and no change is missed."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runr.storage.layout import Layout
from runr.tasks.names import natural_key
from runr.tasks.repository import TaskIndex
from unit.task_folder import HOUR_NS

#: Long after the files were written, so that their states can be relied on.
LATER_NS = time.time_ns() + HOUR_NS


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "repository")
    for name in ("a", "b", "sub/c"):
        file = layout.tasks / f"{name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"# Task {name}\n", encoding="utf-8")
    (layout.tasks / "empty").mkdir()
    return layout


def seen(index: TaskIndex, layout: Layout) -> dict[str, str]:
    return {task.name: task.title for task in index.scan(layout, now_ns=LATER_NS)}


def rewrite(tasks: Path) -> None:
    """Change a file and neither its size nor its time of change."""
    file = tasks / "a.md"
    state = file.stat()
    file.write_text("# Other a\n", encoding="utf-8")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def replace(tasks: Path) -> None:
    (tasks / "new").write_text("# Other a\n", encoding="utf-8")
    (tasks / "new").rename(tasks / "a.md")


def link(tasks: Path) -> None:
    (tasks / "target").write_text("# Other a\n", encoding="utf-8")
    (tasks / "a.md").unlink()
    (tasks / "a.md").symlink_to("target")


def swap_folders(tasks: Path) -> None:
    (tasks / "sub").rename(tasks / "old")
    (tasks / "empty").rename(tasks / "sub")


C = "Task sub/c"
ALL = {"a.md": "Task a", "b.md": "Task b", "sub/c.md": C}
CHANGES: list[tuple[Callable[[Path], object], dict[str, str | None]]] = [
    (rewrite, {"a.md": "Other a"}),
    (replace, {"a.md": "Other a"}),
    (link, {"a.md": "Other a"}),
    (lambda tasks: (tasks / "b.md").unlink(), {"b.md": None}),
    (lambda tasks: (tasks / "b.md").rename(tasks / "d.md"), {"b.md": None, "d.md": "Task b"}),
    (lambda tasks: (tasks / "empty/d.md").write_text("# D"), {"empty/d.md": "D"}),
    (
        lambda tasks: (tasks / "sub/c.md").rename(tasks / "c.md"),
        {"sub/c.md": None, "c.md": "Task sub/c"},
    ),
    (swap_folders, {"sub/c.md": None, "old/c.md": C}),
]


@pytest.mark.parametrize(("change", "differs"), CHANGES)
def test_every_change_is_seen(
    change: Callable[[Path], object], differs: dict[str, str | None], layout: Layout
) -> None:
    index = TaskIndex()
    assert seen(index, layout) == seen(index, layout) == ALL
    change(layout.tasks)
    expected = {name: title for name, title in (ALL | differs).items() if title}
    assert seen(index, layout) == expected
    assert seen(index, layout) == expected


def test_as_long_as_nothing_changes_the_tasks_are_the_same_object(layout: Layout) -> None:
    index = TaskIndex()
    first = index.scan(layout, now_ns=LATER_NS)
    layout.database.unlink()
    assert index.scan(layout, now_ns=LATER_NS) is first
    assert not layout.database.exists()


def test_what_was_touched_and_reads_the_same_is_the_same_object(layout: Layout) -> None:
    index = TaskIndex()
    first = index.scan(layout, now_ns=LATER_NS)
    (layout.tasks / "a.md").touch()
    assert index.scan(layout, now_ns=LATER_NS) is first


def test_one_index_follows_another_repository(layout: Layout, tmp_path: Path) -> None:
    index, other = TaskIndex(), Layout(tmp_path / "other")
    other.tasks.mkdir(parents=True)
    (other.tasks / "z.md").write_text("# Z\n", encoding="utf-8")
    assert seen(index, layout) == ALL
    assert seen(index, other) == {"z.md": "Z"}
    assert seen(index, layout) == ALL


def test_names_are_in_natural_order(layout: Layout) -> None:
    for name in ("task-10", "task-2", "task-02", "10-x", "9-x"):
        (layout.tasks / f"{name}.md").write_text("# X\n", encoding="utf-8")
    names = [*seen(TaskIndex(), layout)]
    assert names[:5] == ["9-x.md", "10-x.md", "a.md", "b.md", "sub/c.md"]
    assert names[5:] == ["task-02.md", "task-2.md", "task-10.md"]


def test_any_two_paths_have_an_order_also_one_that_a_record_holds_for_no_file() -> None:
    assert sorted(["a1", "a", "a1.md", "a01", "b", "9", "10"], key=natural_key) == (
        ["9", "10", "a", "a01", "a1", "a1.md", "b"]
    )
