"""When files of a folder were added: by their first commit, whatever happened to them since."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runr.git import added_files
from runr.git.repo import Repo
from unit.git_trees import git, make

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = make(tmp_path / "repo")
    (root / "tasks").mkdir()

    def commit(day: int) -> None:
        monkeypatch.setenv("GIT_COMMITTER_DATE", (BEGIN + timedelta(days=day)).isoformat())
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", f"Day {day}")

    (root / "tasks/old.md").write_text("# Old, with a text of its own\n" * 9)
    commit(1)
    for name in ("a.md", "b ä.md"):
        (root / "tasks" / name).write_text(f"# {name}\n")
    (root / "elsewhere.md").write_text("# Elsewhere\n")
    commit(3)
    (root / "tasks/a.md").unlink()
    (root / "tasks/old.md").rename(root / "tasks/renamed.md")
    commit(4)
    (root / "tasks/a.md").write_text("# Again\n")
    commit(5)
    (root / "tasks/draft.md").write_text("# Draft\n")
    return root


def test_a_file_is_as_old_as_its_first_commit_of_the_period(root: Path) -> None:
    repo, since = Repo(root), BEGIN + timedelta(days=2)
    tip = repo.head()
    assert tip
    added = added_files.added_since(repo, tip, "tasks", since)
    day = BEGIN + timedelta(days=3)
    assert added == {"tasks/a.md": day, "tasks/b ä.md": day}
    all_of_them = added_files.added_since(repo, tip, "tasks", BEGIN)
    assert all_of_them["tasks/old.md"] == BEGIN + timedelta(days=1)


def test_a_file_that_is_in_no_commit_is_not_tracked(root: Path) -> None:
    tip = Repo(root).head()
    assert tip
    found = added_files.tracked(Repo(root), tip, "tasks")
    assert found == {"tasks/a.md", "tasks/b ä.md", "tasks/renamed.md"}
