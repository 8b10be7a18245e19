"""When tasks were added: what was read of the branch before is not read again, and stays right."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runr.history import added_tasks
from runr.history.period import Period
from runr.project import Project
from unit.git_trees import git, make

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


class Branch:
    """A branch to which a task is added each day, from the first day on."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = make(root)
        self._set = monkeypatch.setenv
        for day in range(1, 5):
            self.add(day)

    def add(self, day: int, name: str = "") -> None:
        task = self.root / f".runr/tasks/{name or day}.md"
        task.parent.mkdir(parents=True, exist_ok=True)
        task.write_text(f"# Task {day}, with words of its own: {'word ' * day}\n")
        self.commit(day)

    def commit(self, day: int) -> None:
        self._set("GIT_COMMITTER_DATE", (BEGIN + timedelta(days=day)).isoformat())
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "-m", f"Day {day}")

    def days(self, since: int) -> list[int]:
        """Return the days on which tasks that are there now were added, from a day on."""
        project = Project.open(self.root, {})
        wanted = Period(f"{BEGIN + timedelta(days=since):%Y-%m-%dT%H:%M:%S.000Z}", "9")
        tasks = [task.path for task in project.tasks()]
        times = added_tasks.times(project, wanted, tasks)
        return sorted((datetime.fromisoformat(time) - BEGIN).days for time in times)


@pytest.fixture
def branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Branch:
    return Branch(tmp_path / "repo", monkeypatch)


def _add_again(branch: Branch) -> None:
    (branch.root / ".runr/tasks/3.md").unlink()
    branch.commit(5)
    branch.add(6, "3")


def _leave_out(branch: Branch) -> None:
    git(branch.root, "reset", "-q", "--hard", "HEAD~2")
    branch.add(7, "3")


LATER: dict[str, tuple[Callable[[Branch], object], list[int]]] = {
    "nothing": (lambda _branch: None, [2, 3, 4]),
    "a task is added": (lambda branch: branch.add(5), [2, 3, 4, 5]),
    "a task is removed and added again": (_add_again, [2, 3, 4]),
    "the branch is another one": (_leave_out, [2, 7]),
}


@pytest.mark.parametrize(("change", "expected"), LATER.values(), ids=LATER)
@pytest.mark.parametrize("known", [1, 2, 4])
def test_a_task_is_as_old_as_the_commit_that_added_it(
    branch: Branch, change: Callable[[Branch], object], expected: list[int], known: int
) -> None:
    assert branch.days(known) == list(range(known, 5))
    change(branch)
    assert branch.days(2) == expected


def test_a_task_that_is_in_no_commit_is_as_new_as_can_be(branch: Branch) -> None:
    (branch.root / ".runr/tasks/draft.md").write_text("# Draft\n")
    *added, now = branch.days(3)
    assert added == [3, 4]
    assert now == (datetime.now(UTC) - BEGIN).days
