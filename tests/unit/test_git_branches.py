"""The branches of runs are deleted once they have landed, and never before."""

import os
import shutil
from pathlib import Path

import pytest

from runr.git import branches
from runr.git.repo import Repo
from unit.git_trees import git, make, save

BRANCH = "runr/a-20250108-143022-k7qf"

#: A git that is killed while it deletes a branch, the first time, with its lock.
DIES_DELETING = """#!/bin/sh
case " $* " in *" branch -D "*)
  [ -e "{mark}" ] || {{ touch "{mark}" "{lock}"; kill -9 $$; }} ;;
esac
exec {git} "$@"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a repository with a branch that has a commit of its own."""
    made = make(tmp_path / "repo", {"a.txt": "1"})
    git(made, "switch", "-q", "-c", BRANCH)
    save(made, {"b.txt": "1"})
    git(made, "switch", "-q", "main")
    return made


def delete_landed(root: Path, target: str = "main") -> str | None:
    return branches.delete_landed(Repo(root), BRANCH, target, root / ".runr/worktrees")


def tip(root: Path) -> str | None:
    return Repo(root).resolve(f"refs/heads/{BRANCH}")


def test_a_branch_is_deleted_only_where_the_other_has_its_commits(root: Path) -> None:
    before = tip(root)
    for target in ("main", "no-such-branch"):
        delete_landed(root, target)
        assert tip(root) == before
    git(root, "merge", "-q", BRANCH)
    for _ in range(2):
        assert delete_landed(root) is None
        assert tip(root) is None


def test_a_branch_that_is_checked_out_stays(root: Path, tmp_path: Path) -> None:
    git(root, "merge", "-q", BRANCH)
    git(root, "worktree", "add", "-q", str(tmp_path / "mine"), BRANCH)
    assert delete_landed(root) is None
    assert tip(root)


@pytest.mark.parametrize("lock", ["packed-refs.lock", f"refs/heads/{BRANCH}.lock"])
def test_the_lock_of_a_git_that_was_killed_does_not_keep_a_branch(root: Path, lock: str) -> None:
    git(root, "merge", "-q", BRANCH)
    (root / ".git" / lock).touch()
    assert delete_landed(root) is None
    assert tip(root) is None
    assert not (root / ".git" / lock).exists()


@pytest.mark.parametrize("lock", ["no.lock", f"refs/heads/{BRANCH}.lock"])
def test_a_branch_is_deleted_although_git_is_killed_meanwhile(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    git(root, "merge", "-q", BRANCH)
    shim = tmp_path / "bin/git"
    shim.parent.mkdir()
    words = {"mark": tmp_path / "died", "lock": root / ".git" / lock, "git": shutil.which("git")}
    shim.write_text(DIES_DELETING.format(**words), encoding="utf-8")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")
    assert delete_landed(root) is None
    assert tip(root) is None


def test_what_keeps_git_from_deleting_a_branch_is_said(root: Path, tmp_path: Path) -> None:
    git(root, "merge", "-q", BRANCH)
    mine = tmp_path / "mine"
    git(root, "worktree", "add", "-q", str(mine), BRANCH)
    git(mine, "bisect", "start")
    git(mine, "checkout", "-q", "--detach")
    assert "checked out at" in (delete_landed(root) or "")
    assert tip(root)
