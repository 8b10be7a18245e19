"""A folder with task files, and its listing."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from runr.storage.layout import Layout
from runr.tasks.model import Problem, Task
from runr.tasks.repository import scan

HOUR_NS = 3600 * 1_000_000_000


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
