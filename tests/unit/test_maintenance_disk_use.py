"""What worktrees and checkouts take of the disk: no link is followed, and the time is bounded."""

import itertools
import os
from pathlib import Path

import pytest

from runr.maintenance import disk_use
from runr.maintenance.disk_use import DiskUse
from runr.storage.layout import Layout

SIZE = 1 << 20


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(tmp_path / "repo")
    for folder in (found.worktrees / "run/src", found.checkouts / "main"):
        folder.mkdir(parents=True)
        (folder / "data").write_bytes(b"x" * SIZE)
    return found


def test_each_file_is_counted_once_and_no_link_is_followed(layout: Layout, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.mkdir()
    (large / "data").write_bytes(b"x" * SIZE * 20)
    (layout.worktrees / "run/link").symlink_to(large)
    (layout.worktrees / "run/file").symlink_to(large / "data")
    os.link(layout.worktrees / "run/src/data", layout.worktrees / "run/same")
    os.mkfifo(layout.worktrees / "run/pipe")
    found = disk_use.measure(layout)
    assert found.complete
    assert SIZE <= found.worktree_bytes < 2 * SIZE
    assert SIZE <= found.checkout_bytes < 2 * SIZE


def test_a_folder_that_is_a_link_is_nothing(layout: Layout, tmp_path: Path) -> None:
    layout.worktrees.rename(tmp_path / "elsewhere")
    layout.worktrees.symlink_to(tmp_path / "elsewhere")
    assert disk_use.measure(layout).worktree_bytes == 0


def test_it_ends_when_the_time_is_up_and_says_so(layout: Layout) -> None:
    ticks = itertools.count(0.0, 1.5)
    found = disk_use.measure(layout, lambda: next(ticks))
    assert found.worktree_bytes >= SIZE
    assert (found.checkout_bytes, found.complete) == (0, False)


def test_without_any_there_is_nothing(tmp_path: Path) -> None:
    assert disk_use.measure(Layout(tmp_path)) == DiskUse()
