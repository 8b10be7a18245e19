"""What a killed git leaves behind is repaired, and changes of the user are kept."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes.project_kit import until
from runr.git import recovery
from runr.git.repo import Repo
from unit.git_trees import git, make


def moved(tmp_path: Path) -> tuple[Repo, str]:
    """Return a repository on main, and a commit ahead of it that changes three files."""
    root = make(tmp_path / "repo", {"kept.txt": "old\n", "gone.txt": "bye\n"})
    git(root, "switch", "-q", "-c", "ahead")
    (root / "kept.txt").write_text("new and longer\n")
    (root / "new.txt").write_text("all new\n")
    (root / "gone.txt").unlink()
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Ahead")
    tip = git(root, "rev-parse", "HEAD").strip()
    git(root, "switch", "-q", "main")
    return Repo(root), tip


def test_an_interrupted_integration_can_be_repeated(tmp_path: Path) -> None:
    repo, tip = moved(tmp_path)
    (repo.path / "kept.txt").write_text("new and longer\n")
    (repo.path / "new.txt").write_text("all")
    (repo.path / "gone.txt").unlink()
    assert not repo.attempt("merge", "--ff-only", tip).ok
    recovery.adopt(repo, tip)
    assert repo.attempt("merge", "--ff-only", tip).ok
    assert repo.head() == tip
    assert repo.dirty() == ()
    assert (repo.path / "new.txt").read_text() == "all new\n"


def test_an_edit_of_the_user_is_not_mistaken_for_an_interrupted_integration(tmp_path: Path) -> None:
    repo, tip = moved(tmp_path)
    (repo.path / "kept.txt").write_text("the user's own\n")
    (repo.path / "new.txt").write_text("another file of the same name\n")
    recovery.adopt(repo, tip)
    assert (repo.path / "kept.txt").read_text() == "the user's own\n"
    assert (repo.path / "new.txt").read_text() == "another file of the same name\n"
    assert git(repo.path, "diff", "--cached", "--name-only").split() == []


def test_what_the_user_has_staged_stays_staged_as_it_is(tmp_path: Path) -> None:
    repo, tip = moved(tmp_path)
    (repo.path / "kept.txt").write_text("staged\n")
    git(repo.path, "add", "kept.txt")
    (repo.path / "kept.txt").write_text("new and longer\n")
    recovery.adopt(repo, tip)
    assert git(repo.path, "show", ":kept.txt").strip() == "staged"


@pytest.mark.parametrize("name", ["index.lock", "config.lock", "packed-refs.lock"])
def test_locks_that_a_killed_git_left_are_removed(tmp_path: Path, name: str) -> None:
    repo, _ = moved(tmp_path)
    lock = repo.git_dir() / name
    lock.touch()
    assert recovery.clear_locks(repo, repo.path / ".runr/worktrees") == (name,)
    assert not lock.exists()


def test_the_locks_of_the_users_other_worktrees_are_left_alone(tmp_path: Path) -> None:
    repo, _ = moved(tmp_path)
    git(repo.path, "worktree", "add", "-q", str(tmp_path / "theirs"), "ahead")
    lock = repo.git_dir() / "worktrees/theirs/index.lock"
    lock.touch()
    assert recovery.clear_locks(repo, repo.path / ".runr/worktrees") == ()
    assert lock.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="whether git runs is read from /proc")
def test_a_lock_that_another_git_takes_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo, _ = moved(tmp_path)
    lock = repo.git_dir() / "index.lock"
    lock.touch()
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=repo.path, stdin=-1) as running:

        def end(_: float) -> None:
            lock.with_name("later").write_text("of another git")
            lock.with_name("later").replace(lock)
            running.communicate()

        comm = Path(f"/proc/{running.pid}/comm")
        until(lambda: comm.read_text() == "git\n", "git")
        monkeypatch.setattr(time, "sleep", end)
        assert recovery.clear_locks(repo, repo.path / ".runr/worktrees") == ()
    assert lock.read_text() == "of another git"
