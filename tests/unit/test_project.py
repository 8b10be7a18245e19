"""What a process keeps of a repository between questions, and when it no longer counts."""

import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import FrameType

import pytest

from runr.git.repo import Repo
from runr.project import Project, ProjectCache
from runr.query.detail import task_status
from runr.query.filters import parse_filter
from runr.query.listing import TaskQuery, list_tasks
from runr.status import store
from runr.status.model import Entry, State
from unit.git_trees import git, make, save

HOUR_NS = 3600 * 1_000_000_000
NOW = datetime(2025, 1, 8, 12, tzinfo=UTC)
TASK = ".runr/tasks/task-0.md"


def test_the_commit_that_is_checked_out_is_what_git_says(tmp_path: Path) -> None:
    root, cache = make(tmp_path / "repo"), ProjectCache()
    seen: list[str | None] = []

    def look(tree: Path = root) -> None:
        found = Project.open(tree, os.environ, cache=cache).head()
        assert found == Project.open(tree, os.environ, cache=cache).head() == Repo(tree).head()
        seen.append(found)

    look()
    for message in ("first", "second"):
        save(root, {"a.txt": message}, message)
        look()
    for command in (
        ["reset", "-q", "--hard", "HEAD~1"],
        ["switch", "-q", "-c", "side", "main@{1}"],
        ["pack-refs", "--all", "--prune"],
        ["switch", "-q", "main"],
        ["checkout", "-q", "--detach", "side"],
        ["symbolic-ref", "HEAD", "refs/heads/unborn"],
        ["symbolic-ref", "refs/heads/unborn", "refs/heads/side"],
        ["worktree", "add", "-q", "-b", "linked", "../linked", "main"],
    ):
        git(root, *command)
        look()
    look(tmp_path / "linked")
    first, second = seen[1:3]
    assert seen == [
        None,
        first,
        second,
        first,
        *[second] * 2,
        first,
        second,
        None,
        *[second] * 2,
        first,
    ]


def tasks(root: Path, count: int) -> Project:
    """Return a repository whose tasks were read twice, an hour after their last change."""
    save(make(root), {f".runr/tasks/task-{number}.md": "# A task\n" for number in range(count)})
    project = Project.open(root, os.environ)
    for _ in range(2):
        project.cache.tasks.scan(project.layout, now_ns=time.time_ns() + HOUR_NS)
    return project


def work(
    project: Project, question: Callable[[Project], object], *, again: bool = True
) -> Counter[str]:
    """Return which functions of Python answer a question, by name; `again` asks it before, too."""
    if again:
        question(project)
    called: Counter[str] = Counter()

    def look(frame: FrameType, event: str, _arg: object) -> None:
        called[frame.f_code.co_qualname] += event == "call"

    before = sys.getprofile()
    gc.disable()  # what is called by a collection is no part of the answer
    sys.setprofile(look)
    try:
        question(Project.open(project.tree, os.environ, cache=project.cache))
    finally:
        sys.setprofile(before)
        gc.enable()
    return called


@pytest.mark.parametrize(
    "question",
    [
        lambda project: list_tasks(project, TaskQuery(limit=5)),
        lambda project: list_tasks(project, TaskQuery(parse_filter("is:ready"), "priority", 5)),
        lambda project: task_status(project, "task-0"),
    ],
    ids=["list", "ready", "status"],
)
def test_a_question_that_is_asked_again_costs_no_more_with_more_tasks(
    question: Callable[[Project], object], tmp_path: Path
) -> None:
    few, many = (work(tasks(tmp_path / str(size), size), question) for size in (8, 80))
    assert few == many
    assert not [name for name in many if name.startswith("Popen.")]


def test_the_graph_is_kept_while_records_change_and_not_when_a_task_does(tmp_path: Path) -> None:
    project = tasks(tmp_path, 3)

    def listed() -> Counter[str]:
        return Counter(task.status for task in list_tasks(project, TaskQuery()).tasks)

    def record(_: Project) -> None:
        store.update(project.layout, lambda _: {TASK: Entry(status=State.STOPPED)})
        listed()

    listed()
    assert "Graph.of" not in work(project, record, again=False)
    assert listed() == {"pending": 2, "stopped": 1}
    (project.layout.root / TASK).write_text("---\ndepends_on: [task-1]\n---\n# Another\n")
    [first, *_] = list_tasks(project, TaskQuery()).tasks
    assert first.blocked_by == [".runr/tasks/task-1.md"]


def test_a_filter_by_time_is_applied_each_time(tmp_path: Path) -> None:
    project = tasks(tmp_path, 2)
    entry = Entry(status=State.STOPPED, updated_at="2025-01-08T11:30:00Z")
    store.update(project.layout, lambda _: {TASK: entry})
    query = TaskQuery(parse_filter("since:1h"))
    for passed, expected in ((0, [TASK]), (1, [])):
        later = replace(project, clock=partial(NOW.__add__, timedelta(hours=passed)))
        found = list_tasks(later, query)
        assert [task.path for task in found.tasks] == expected
