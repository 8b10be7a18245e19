import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runr.errors import GitError, RepositoryError
from runr.git import branches
from runr.git.repo import Repo
from runr.git.worktree import add, branch_name, forget_unfinished, remove
from unit.git_trees import git, install_hooks, make, save, state, write

BRANCH = "runr/setup-20250108-143022-k7qf"


def place(root: Path) -> Path:
    return root / ".runr" / "worktrees" / "20250108-143022-k7qf"


def test_a_worktree_starts_at_the_base_on_its_own_branch(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    base = git(root, "rev-parse", "HEAD")
    save(root, {"a.txt": "2"})
    write(root, {"a.txt": "the user's"})
    before = git(root, "status", "--porcelain", "-z", "--", ":(exclude).runr")
    add(Repo(root), place(root), BRANCH, base)
    assert (place(root) / "a.txt").read_text() == "1"
    assert Repo(place(root)).branch() == BRANCH
    assert git(root, "status", "--porcelain", "-z", "--", ":(exclude).runr") == before


def test_adding_again_changes_nothing_in_it(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    repo, base = Repo(root), git(root, "rev-parse", "HEAD")
    add(repo, place(root), BRANCH, base)
    write(place(root), {"a.txt": "work", "new.txt": "work"})
    before = state(place(root))
    add(repo, place(root), BRANCH, base)
    assert state(place(root)) == before


def test_a_branch_without_its_worktree_is_checked_out_at_its_tip(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    repo, base = Repo(root), git(root, "rev-parse", "HEAD")
    add(repo, place(root), BRANCH, base)
    tip = save(place(root), {"a.txt": "2"})
    remove(repo, place(root))
    add(repo, place(root), BRANCH, base)
    assert Repo(place(root)).head() == tip


def test_a_worktree_whose_folder_was_deleted_is_made_again(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    repo, base = Repo(root), git(root, "rev-parse", "HEAD")
    add(repo, place(root), BRANCH, base)
    shutil.rmtree(place(root))
    add(repo, place(root), BRANCH, base)
    assert (place(root) / "a.txt").read_text() == "1"


def test_work_is_kept_if_only_the_git_file_of_its_worktree_was_deleted(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1", "b.txt": "1"})
    repo, base = Repo(root), git(root, "rev-parse", "HEAD")
    add(repo, place(root), BRANCH, base)
    write(place(root), {"a.txt": "work", "new.txt": "work"})
    before = state(place(root))
    (place(root) / ".git").unlink()
    add(repo, place(root), BRANCH, base)
    assert state(place(root)) == before
    (place(root) / ".git").unlink()
    (place(root) / "b.txt").unlink()
    add(repo, place(root), BRANCH, base)
    assert (place(root) / "a.txt").read_text() == (place(root) / "new.txt").read_text() == "work"
    assert not (place(root) / "b.txt").exists()


def test_a_worktree_that_was_never_finished_is_made_again(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1", "b.txt": "1"})
    repo, base = Repo(root), git(root, "rev-parse", "HEAD")
    add(repo, place(root), BRANCH, base)
    # What git leaves when it is killed while it writes the files.
    (root / ".git" / "worktrees" / place(root).name / "locked").write_text("initializing\n")
    (place(root) / "b.txt").unlink()
    add(repo, place(root), BRANCH, base)
    assert git(place(root), "status", "--porcelain") == ""


@pytest.mark.parametrize("torn", ["commondir", "gitdir", "HEAD"])
def test_a_worktree_whose_creation_was_killed_is_repaired(tmp_path: Path, torn: str) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    repo = Repo(root)
    add(repo, place(root), BRANCH, "HEAD")
    record = root / ".git" / "worktrees" / place(root).name
    (record / "locked").write_text("initializing\n")
    (record / torn).write_text("")
    (place(root) / "a.txt").unlink()
    forget_unfinished(repo, place(root))
    assert git(root, "worktree", "list").count("\n") == 0
    add(repo, place(root), BRANCH, "HEAD")
    assert git(place(root), "status", "--porcelain") == ""
    forget_unfinished(repo, place(root))
    assert place(root).is_dir()


def test_a_folder_that_is_not_ours_is_not_taken_over(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    write(place(root), {"precious.txt": "1"})
    with pytest.raises(GitError, match="already exists"):
        add(Repo(root), place(root), BRANCH, "HEAD")
    remove(Repo(root), place(root))
    assert (place(root) / "precious.txt").read_text() == "1"


def test_a_branch_that_is_called_runr_is_named_as_the_obstacle(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    git(root, "branch", "runr")
    with pytest.raises(RepositoryError) as refused:
        add(Repo(root), place(root), BRANCH, "HEAD")
    git(root, *refused.value.next_steps[0].argv[1:])
    add(Repo(root), place(root), BRANCH, "HEAD")


def test_removing_takes_the_folder_and_keeps_the_branch_and_can_be_repeated(
    tmp_path: Path,
) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    repo = Repo(root)
    add(repo, place(root), BRANCH, "HEAD")
    write(place(root), {"a.txt": "changed", "untracked.txt": "1"})
    remove(repo, place(root))
    remove(repo, place(root))
    assert not place(root).exists()
    assert repo.resolve(BRANCH) == repo.head()
    assert git(root, "worktree", "list", "--porcelain").count("worktree ") == 1


@pytest.mark.parametrize("left", [None, "", "gitdir: /some"])
def test_a_removal_that_was_killed_half_way_is_finished(tmp_path: Path, left: str | None) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    repo = Repo(root)
    add(repo, place(root), BRANCH, "HEAD")
    link = place(root) / ".git"
    link.unlink()
    if left is not None:
        link.write_text(left)
    remove(repo, place(root))
    assert not place(root).exists()
    assert git(root, "worktree", "list", "--porcelain").count("worktree ") == 1


def test_another_worktree_is_not_changed_even_if_its_folder_is_missing(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    away = tmp_path / "usb" / "mine"
    git(root, "worktree", "add", "-q", "-b", "mine", str(away))
    away.parent.rename(tmp_path / "unplugged")
    add(Repo(root), place(root), BRANCH, "HEAD")
    remove(Repo(root), place(root))
    assert str(away) in git(root, "worktree", "list", "--porcelain")


def test_no_hook_runs(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    mark = install_hooks(root)
    add(Repo(root), place(root), BRANCH, "HEAD")
    remove(Repo(root), place(root))
    assert branches.delete_landed(Repo(root), BRANCH, "main", root) is None
    assert not mark.exists()


def test_a_folder_with_a_newline_in_its_name_works(tmp_path: Path) -> None:
    root = make(tmp_path / "re\npo $(touch x)", {"a.txt": "1"})
    for _ in range(2):
        add(Repo(root), place(root), BRANCH, "HEAD")
    for _ in range(2):
        remove(Repo(root), place(root))
    assert not place(root).exists()


@pytest.mark.parametrize(
    ("source", "slug"),
    [
        ("00-setup.md", "00-setup"),
        ("api/Übergrößen & more.md", "api-ubergroen-more"),
        ("日本語.md", "task"),
        ("", "task"),
        ("$(touch x); rm -rf ..", "touch-x-rm-rf"),
        ("a" * 39 + " b c", "a" * 39),
    ],
)
def test_a_branch_is_named_after_its_task(source: str, slug: str) -> None:
    assert branch_name(source, "20250108-143022-k7qf") == f"runr/{slug}-20250108-143022-k7qf"


@settings(database=None, deadline=None)
@given(st.text())
def test_any_text_gives_a_name_that_git_accepts(source: str) -> None:
    name = branch_name(source, "20250108-143022-k7qf")
    assert re.fullmatch(r"runr/[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?-20250108-143022-k7qf", name)
