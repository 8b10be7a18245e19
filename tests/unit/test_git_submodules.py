"""Submodules of a run's own working tree: filled from the user's, and nothing is fetched."""

from pathlib import Path

import pytest

from runr.git import submodules, worktree
from runr.git.repo import Repo
from unit.git_trees import git, make, save, write

_FILES = ("-c", "protocol.file.allow=always")
BRANCH = "runr/a-1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a superproject with a submodule in a submodule; where they are from is gone."""
    deep = make(tmp_path / "deep", {"d.txt": "deep\n"})
    inner = make(tmp_path / "inner", {"s.txt": "inner\n"})
    git(inner, *_FILES, "submodule", "--quiet", "add", str(deep), "deep")
    git(inner, "commit", "-q", "-m", "deep")
    outer = make(tmp_path / "outer", {"a.txt": "1\n"})
    git(
        outer, *_FILES, "submodule", "--quiet", "add", "--name", "an odd name", str(inner), "lib/in"
    )
    git(outer, *_FILES, "submodule", "--quiet", "update", "--init", "--recursive")
    git(outer, "commit", "-q", "-m", "inner")
    deep.rename(tmp_path / "deep-gone")
    inner.rename(tmp_path / "inner-gone")
    return outer


def worked_in(root: Path) -> Repo:
    path = root / ".runr" / "worktrees" / "one"
    worktree.add(Repo(root), path, BRANCH, "HEAD")
    return Repo(path)


def test_submodules_are_filled_at_their_commit_down_to_the_last(root: Path) -> None:
    # The user has gone on in the submodule: the superproject does not want that yet.
    save(root / "lib" / "in", {"s.txt": "later\n"})
    tree = worked_in(root)
    submodules.populate(Repo(root), tree, fresh=True)
    assert (tree.path / "lib/in/s.txt").read_text() == "inner\n"
    assert (tree.path / "lib/in/deep/d.txt").read_text() == "deep\n"
    assert git(tree.path, "status", "--porcelain", "--ignored") == ""
    address = git(root / "lib" / "in", "config", "remote.origin.url")
    assert git(tree.path / "lib" / "in", "config", "remote.origin.url") == address
    assert git(root, "config", "--get-regexp", "protocol|url").count("\n") == 0


def test_a_complete_submodule_is_kept_and_an_interrupted_clone_is_repeated(root: Path) -> None:
    tree = worked_in(root)
    submodules.populate(Repo(root), tree, fresh=True)
    inner = tree.path / "lib" / "in"
    made = (inner / ".git").stat().st_ino
    submodules.populate(Repo(root), tree, fresh=True)
    assert (inner / ".git").stat().st_ino == made
    (inner / "s.txt").unlink()
    submodules.populate(Repo(root), tree, fresh=True)
    assert (inner / "s.txt").exists()


def test_what_a_worker_did_in_a_submodule_stays(root: Path) -> None:
    tree = worked_in(root)
    submodules.populate(Repo(root), tree, fresh=True)
    inner = tree.path / "lib" / "in"
    write(inner, {"s.txt": "work\n"})
    submodules.populate(Repo(root), tree, fresh=False)
    assert (inner / "s.txt").read_text() == "work\n"


def test_a_submodule_that_the_user_has_not_checked_out_stays_empty(root: Path) -> None:
    git(root, "submodule", "--quiet", "deinit", "--force", "lib/in")
    tree = worked_in(root)
    submodules.populate(Repo(root), tree, fresh=True)
    assert list((tree.path / "lib" / "in").iterdir()) == []


def test_removing_a_worktree_removes_its_submodules(root: Path) -> None:
    tree = worked_in(root)
    submodules.populate(Repo(root), tree, fresh=True)
    worktree.remove(Repo(root), tree.path)
    assert not tree.path.exists()
    assert not (root / ".git" / "worktrees").exists()
    assert git(root, "submodule", "status", "--recursive").count("\n") == 1
    assert git(root, "status", "--porcelain", "--ignored") == ""


@pytest.mark.parametrize("name", ["../../../../outside", "/tmp/outside", "a/../../b"])
def test_a_name_that_leads_out_of_gits_folder_is_left_alone(root: Path, name: str) -> None:
    text = (root / ".gitmodules").read_text().replace("an odd name", name)
    save(root, {".gitmodules": text})
    tree = worked_in(root)
    assert submodules.find_submodules(tree) == ()
    submodules.populate(Repo(root), tree, fresh=True)


def test_a_link_in_the_place_of_a_submodules_folder_is_not_followed(
    root: Path, tmp_path: Path
) -> None:
    tree = worked_in(root)
    mine = tmp_path / "mine"
    (mine / "in").mkdir(parents=True)
    write(mine, {"in/.git": "not git's\n"})
    (tree.path / "lib" / "in").rmdir()
    (tree.path / "lib").rmdir()
    (tree.path / "lib").symlink_to(mine)
    submodules.populate(Repo(root), tree, fresh=True)
    assert (mine / "in" / ".git").read_text() == "not git's\n"
