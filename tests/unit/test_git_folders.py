"""The folders that are read without a process are those that git itself names."""

from pathlib import Path

import pytest

from runr.errors import GitError, RepositoryError
from runr.git import folders
from runr.git.folders import find_root
from runr.git.repo import Repo
from unit.git_trees import git, make

LAYOUTS = ("plain", "linked", "relative", "submodule", "separate", "symlinked", "unborn", "bare")


def lay_out(folder: Path, layout: str) -> Path:
    """Make a working tree whose git directory lies where `layout` says."""
    if layout == "unborn":
        return make(folder / "repo")
    main = make(folder / "repo", {"a.txt": "1"})
    if layout in ("linked", "relative"):
        git(main, "worktree", "add", "-q", "-b", "side", str(folder / "side"))
        if layout == "relative":
            (folder / "side" / ".git").write_text("gitdir: ../repo/.git/worktrees/side\n")
        return folder / "side"
    if layout == "submodule":
        outer = make(folder / "outer", {"b.txt": "1"})
        add = ("submodule", "--quiet", "add", str(main), "inner")
        git(outer, "-c", "protocol.file.allow=always", *add)
        return outer / "inner"
    if layout == "separate":
        git(main, "init", "-q", "--separate-git-dir", str(folder / "elsewhere"))
    if layout == "symlinked":
        (main / ".git").rename(folder / "moved")
        (main / ".git").symlink_to(folder / "moved")
    if layout == "bare":
        git(main, "clone", "-q", "--bare", ".", str(folder / "bare.git"))
        git(folder / "bare.git", "worktree", "add", "-q", str(folder / "side"), "main")
        return folder / "side"
    return main


@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_folders_are_those_that_git_names(tmp_path: Path, layout: str) -> None:
    tree = lay_out(tmp_path, layout)
    assert str(folders.git_dir(tree)) == git(tree, "rev-parse", "--absolute-git-dir")
    common = Path(tree, git(tree, "rev-parse", "--git-common-dir")).resolve()
    assert folders.common_dir(tree) == common
    assert find_root(tree) == tree


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_branch_is_the_one_that_git_names(tmp_path: Path, layout: str) -> None:
    tree = lay_out(tmp_path, layout)
    assert folders.head_ref(tree) == git(tree, "symbolic-ref", "HEAD")
    assert folders.is_unborn(tree) is (Repo(tree).head() is None)


def test_what_only_git_can_tell_of_head_is_left_to_git(tmp_path: Path) -> None:
    tree = make(tmp_path / "repo", {"a.txt": "1"})
    git(tree, "symbolic-ref", "refs/heads/alias", "refs/heads/main")
    git(tree, "symbolic-ref", "HEAD", "refs/heads/alias")
    assert folders.head_ref(tree) is None
    assert Repo(tree).branch() == "main"
    git(tree, "checkout", "-q", "--detach", "main")
    assert folders.head_ref(tree) is None
    assert Repo(tree).branch() is None


def test_a_branch_that_only_git_can_read_is_left_to_git(tmp_path: Path) -> None:
    tree = make(tmp_path / "repo", {"a.txt": "1"})
    git(tree, "pack-refs", "--all")
    assert folders.is_unborn(tree) is False
    git(tree, "switch", "-q", "--orphan", "mai")
    assert folders.is_unborn(tree) is True
    (tree / ".git/packed-refs").write_text(f"{'0' * 40} refs/heads/mai\n")
    assert folders.is_unborn(tree) is False
    (tree / ".git/packed-refs").unlink()
    assert folders.is_unborn(tree) is True
    (tree / ".git/refs/heads/mai").symlink_to("nowhere")
    assert folders.is_unborn(tree) is None
    (tree / ".git/HEAD").write_text("ref: refs/heads/.invalid\n")  # as reftable has it
    assert folders.is_unborn(tree) is None


def test_a_git_file_with_a_missing_target_is_refused_with_gits_message(tmp_path: Path) -> None:
    make(tmp_path)
    tree = tmp_path / "tree"
    tree.mkdir()
    for text in ("gitdir: /no/such/folder\n", "nothing of git's\n"):
        (tree / ".git").write_text(text)
        assert find_root(tree) == tree, "not the repository around it"
        with pytest.raises(GitError, match=r"/no/such/folder|invalid gitfile format"):
            Repo(tree).git_dir()


def test_a_git_folder_without_its_head_is_named(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    (root / ".git" / "HEAD").unlink()
    with pytest.raises(RepositoryError, match="no HEAD"):
        find_root(root)
