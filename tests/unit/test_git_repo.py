import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runr.errors import GitError, RepositoryError
from runr.git.folders import find_root
from runr.git.repo import Repo
from unit.git_trees import ODD_NAMES, git, install_hooks, make, save, write


def test_the_root_is_found_from_any_folder_below_it(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a/b/c.txt": "1"})
    assert find_root(root) == root
    assert find_root(root / "a" / "b") == root


def test_a_folder_outside_every_repository_is_refused_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError) as refused:
        find_root(tmp_path)
    assert str(refused.value.next_steps[0]) == "git init"


def test_an_empty_git_folder_is_no_repository(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    (root / "sub" / ".git").mkdir(parents=True)
    assert find_root(root / "sub") == root


def test_a_runs_worktree_belongs_to_the_root_and_the_users_own_worktree_to_itself(
    tmp_path: Path,
) -> None:
    root = make(tmp_path / "repo", {"sub/a.txt": "1"})
    inside = root / ".runr" / "worktrees" / "one"
    git(root, "worktree", "add", "-q", "-b", "one", str(inside))
    outside = tmp_path / "mine"
    git(root, "worktree", "add", "-q", "-b", "two", str(outside))
    nested = outside / ".runr" / "worktrees" / "three"
    git(root, "worktree", "add", "-q", "-b", "three", str(nested))
    assert find_root(inside / "sub") == root
    assert find_root(outside / "sub") == outside
    assert find_root(nested) == outside


def test_a_foreign_repository_below_the_worktrees_folder_is_its_own_root(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    foreign = make(root / ".runr" / "worktrees" / "foreign", {"b.txt": "1"})
    assert find_root(foreign) == foreign


def test_before_the_first_commit_there_is_a_branch_and_no_head(tmp_path: Path) -> None:
    repo = Repo(make(tmp_path / "repo"))
    assert (repo.head(), repo.branch(), repo.resolve("main")) == (None, "main", None)


def test_a_detached_head_is_on_no_branch(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    git(root, "checkout", "-q", "--detach")
    repo = Repo(root)
    assert repo.branch() is None
    assert repo.head() == git(root, "rev-parse", "main")


def test_revisions_are_resolved_and_unknown_ones_are_none(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    first = git(root, "rev-parse", "HEAD")
    second = save(root, {"a.txt": "2"})
    repo = Repo(root)
    assert repo.resolve("HEAD~1") == first
    assert repo.resolve("no-such-branch") is None
    assert repo.resolve("--all") is None
    assert repo.resolve("HEAD^{tree}") is None
    assert repo.is_ancestor(first, second)
    assert not repo.is_ancestor(second, first)
    assert not repo.is_ancestor("0" * 40, second)


def test_dirty_names_staged_changed_and_untracked_files_and_both_sides_of_a_rename(
    tmp_path: Path,
) -> None:
    root = make(tmp_path / "repo", {"old.txt": "same\n" * 20, "kept.txt": "1", "gone.txt": "1"})
    git(root, "mv", "old.txt", "renamed.txt")
    write(root, {"kept.txt": "2", "new/deep.txt": "1", **dict.fromkeys(ODD_NAMES, "odd")})
    (root / "gone.txt").unlink()
    expected = {"old.txt", "renamed.txt", "kept.txt", "gone.txt", "new/deep.txt", *ODD_NAMES}
    assert set(Repo(root).dirty()) == expected


def test_the_callers_git_variables_do_not_lead_to_another_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make(tmp_path / "other", {"other.txt": "1"})
    root = make(tmp_path / "repo", {"a.txt": "1"})
    expected = git(root, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    repo = Repo(root)
    assert repo.head() == expected
    assert repo.dirty() == ()
    assert repo.git_dir() == root / ".git"


def test_a_worktree_that_lost_its_git_file_does_not_become_the_repository_around_it(
    tmp_path: Path,
) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    inside = root / ".runr" / "worktrees" / "one"
    git(root, "worktree", "add", "-q", "-b", "one", str(inside))
    (inside / ".git").unlink()
    with pytest.raises(GitError, match="not a git repository"):
        Repo(inside).dirty()
    with pytest.raises(GitError, match="not a git repository"):
        Repo(inside).head()


def test_a_failure_contains_gits_message_and_the_command(tmp_path: Path) -> None:
    repo = Repo(make(tmp_path / "repo", {"a.txt": "1"}))
    with pytest.raises(GitError, match=r"git cat-file -p nothing failed in .*Not a valid object"):
        repo.run("cat-file", "-p", "nothing")


def test_without_git_the_next_step_is_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RepositoryError) as refused:
        Repo(root).head()
    assert str(refused.value.next_steps[0]) == "install git"


def test_the_user_is_known_by_name(tmp_path: Path) -> None:
    assert Repo(make(tmp_path / "repo")).user() == "Ada Example"


def test_without_an_identity_runr_uses_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    root = make(tmp_path / "repo")
    assert Repo(root).identity() == {}
    git(root, "config", "--unset", "user.email")
    git(root, "config", "user.useConfigOnly", "true")
    assert Repo(root).identity()["GIT_COMMITTER_EMAIL"] == "runr@localhost"
    assert Repo(root).identity()["GIT_AUTHOR_NAME"] == "runr"
    assert Repo(root).user() == "Ada Example"
    git(root, "config", "--unset", "user.name")
    assert Repo(root).user() is None


def test_an_unfinished_merge_is_seen(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    assert Repo(root).operation() is None
    git(root, "checkout", "-q", "-b", "side")
    save(root, {"b.txt": "1"})
    git(root, "checkout", "-q", "main")
    git(root, "merge", "-q", "--no-ff", "--no-commit", "side")
    assert Repo(root).operation() == "merge"


def test_reading_runs_no_hook_of_the_user(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    mark = install_hooks(root)
    git(root, "config", "core.fsmonitor", str(root / ".git" / "hooks" / "fsmonitor"))
    write(root, {"a.txt": "2"})
    assert Repo(root).dirty() == ("a.txt",)
    assert not mark.exists()


def test_what_is_checked_out_is_one_commit_with_its_tree_while_the_branch_moves(
    tmp_path: Path,
) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    one = git(root, "rev-parse", "HEAD")
    two = save(root, {"a.txt": "2"})
    trees = {sha: git(root, "rev-parse", f"{sha}^{{tree}}") for sha in (one, two)}
    branch = root / ".git/refs/heads/main"
    moving = "import os, sys\nwhile True:\n" + "".join(
        f"    open(sys.argv[1] + '.new', 'w').write('{sha}\\n')\n"
        "    os.replace(sys.argv[1] + '.new', sys.argv[1])\n"
        for sha in (one, two)
    )
    with subprocess.Popen([sys.executable, "-c", moving, str(branch)]) as mover:
        try:
            seen = [Repo(root).checkout() for _ in range(60)]
        finally:
            mover.kill()
    assert all(each and trees[each.commit] == each.tree for each in seen)


def test_refs_that_were_not_asked_for_may_be_broken(tmp_path: Path) -> None:
    """A ref looks so to git while it is deleted."""
    root = make(tmp_path / "repo", {"a.txt": "1"})
    broken = root / ".git/refs/heads/runr/broken"
    broken.parent.mkdir()
    broken.touch()
    repo, main = Repo(root), git(root, "rev-parse", "HEAD")
    assert repo.refs("refs/heads/main", "refs/heads/runr") == {"refs/heads/main": main}
    with pytest.raises(GitError, match="broken ref refs/heads/runr/broken"):
        repo.refs("refs/heads/runr/broken")


def test_a_worktree_that_another_git_is_making_stops_no_command(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    git(root, "worktree", "add", "-q", "-b", "other", str(tmp_path / "other"))
    common = root / ".git/worktrees/other/commondir"
    whole = common.with_name("whole")
    common.rename(whole)
    os.mkfifo(common)

    def finish() -> None:
        with common.open("w"):  # git reads it now, and nothing is in it
            whole.replace(common)

    with ThreadPoolExecutor() as making:
        made = making.submit(finish)
        assert "other" in Repo(root).text("worktree", "list")
        made.result()
