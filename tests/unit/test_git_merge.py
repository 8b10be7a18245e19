import os
import shutil
from pathlib import Path

import pytest

from runr.git.repo import Repo
from unit.git_integration import Integration, integrate
from unit.git_trees import ODD_NAMES, git, install_hooks, make, save, state, write

BRANCH = "runr/setup-1"


def begin(tmp_path: Path, work: dict[str, str], files: dict[str, str] | None = None) -> Path:
    """Make a repository with a run's branch that has `work` on it."""
    root = make(tmp_path / "repo", files or {"a.txt": "1\n", "mine.txt": "1\n"})
    linked = tmp_path / "work"
    git(root, "worktree", "add", "-q", "-b", BRANCH, str(linked))
    save(linked, work, "work")
    git(root, "worktree", "remove", "--force", str(linked))
    return root


def bring(root: Path, target: str | None = "main") -> Integration:
    return integrate(Repo(root), branch=BRANCH, target=target, message="Merge runr/setup-1")


def test_an_unmoved_target_is_fast_forwarded_with_its_files(tmp_path: Path) -> None:
    root = begin(tmp_path, {"a.txt": "2\n", **dict.fromkeys(ODD_NAMES, "odd")})
    tip = git(root, "rev-parse", BRANCH)
    assert bring(root) == Integration(how="fast-forward", sha=tip)
    assert git(root, "rev-parse", "main") == tip
    assert git(root, "status", "--porcelain") == ""
    assert (root / "a.txt").read_text() == "2\n"
    assert bring(root) == Integration(how="already", sha=tip)


def test_a_target_that_moved_is_merged(tmp_path: Path) -> None:
    root = begin(tmp_path, {"a.txt": "2\n"})
    other = save(root, {"b.txt": "1\n"})
    done = bring(root)
    assert done.how == "merge"
    assert git(root, "rev-parse", "main^1", "main^2").split() == [
        other,
        git(root, "rev-parse", BRANCH),
    ]
    assert git(root, "log", "-1", "--format=%s") == "Merge runr/setup-1"
    assert git(root, "status", "--porcelain") == ""
    assert bring(root) == Integration(how="already", sha=done.sha)


@pytest.mark.parametrize("went_on", [False, True])
def test_the_users_own_changes_are_kept_byte_for_byte(tmp_path: Path, went_on: bool) -> None:
    root = begin(tmp_path, {"a.txt": "2\n"})
    if went_on:
        save(root, {"b.txt": "1\n"})
    write(root, {"mine.txt": "staged\n", "added.txt": "staged\n"})
    git(root, "add", "-A")
    write(root, {"mine.txt": "unstaged\n", "untracked.txt": "1\n"})
    before = state(root)
    assert bring(root).how == ("merge" if went_on else "fast-forward")
    after = state(root)
    assert after[1] == before[1]
    assert {e for e in after[0].split("\0") if not e.endswith("\ta.txt")} == {
        e for e in before[0].split("\0") if not e.endswith("\ta.txt")
    }
    assert after[2] == before[2] | {"a.txt": b"2\n"}


MOVES = """*" merge --ff-only "*|*" update-ref "*"""


def interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, move: str, times: int, when: str = MOVES
) -> Path:
    """Put a git on PATH that does `move` right before it moves a branch, the first times."""
    real = shutil.which("git")
    left = tmp_path / "left"
    left.write_text("x" * times)
    shim = tmp_path / "bin" / "git"
    shim.parent.mkdir()
    shim.write_text(
        f"""#!/bin/sh
        case " $* " in {when})
          if [ -s {left} ]; then
            truncate -s -1 {left}
            ( unset GIT_CEILING_DIRECTORIES; PATH={os.environ["PATH"]}; cd {tmp_path}/repo; {move} )
          fi;; esac
        exec {real} "$@"
        """
    )
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")
    return left


COMMIT = "date +%N >> moved.txt; git add moved.txt; git commit -qm moved"
#: A commit on main while another branch is checked out.
ASIDE = "git update-ref refs/heads/main $(git commit-tree -p main -m moved main^{tree})"


@pytest.mark.parametrize("checked_out", [True, False])
@pytest.mark.parametrize("times", [1, 3])
def test_a_target_that_moves_during_integration_is_merged_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int, checked_out: bool
) -> None:
    root = begin(tmp_path, {"a.txt": "2\n"})
    if not checked_out:
        git(root, "checkout", "-q", "-b", "elsewhere")
    left = interrupt(tmp_path, monkeypatch, COMMIT if checked_out else ASIDE, times)
    done = bring(root)
    assert left.read_text() == ""
    assert (done.how, done.sha) == ("merge", git(root, "rev-parse", "main"))
    assert git(root, "log", "--format=%s", "main").splitlines().count("moved") == times
    assert git(root, "show", "main:a.txt") == "2"
    assert git(root, "status", "--porcelain") == ""


def test_a_target_that_keeps_moving_leaves_the_checkpoint_pending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = begin(tmp_path, {"a.txt": "2\n"})
    left = interrupt(tmp_path, monkeypatch, COMMIT, 50)
    done = bring(root)
    assert done.how == "kept"
    assert done.reason == "main moved at the same moment"
    assert 0 < len(left.read_text()) < 50
    assert git(root, "show", "main:a.txt") == "1"


def test_a_lock_that_is_released_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = begin(tmp_path, {"a.txt": "2\n"})
    lock = root / ".git" / "index.lock"
    lock.touch()
    looked = tmp_path / "looked"
    release = f"[ ! -e {looked} ] || rm -f {lock}; touch {looked}"
    interrupt(tmp_path, monkeypatch, release, 2, when='*" for-each-ref "*')
    assert bring(root).how == "fast-forward"


LOCKS = ("index.lock", "HEAD.lock", "refs/heads/main.lock", "packed-refs.lock")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_that_stays_is_named_and_every_file_is_as_it_was(tmp_path: Path, name: str) -> None:
    root = begin(tmp_path, {"a.txt": "2\n", "new.txt": "new\n"})
    lock = root / ".git" / name
    lock.touch()
    before, main = state(root), git(root, "rev-parse", "main")
    done = bring(root)
    assert done.how == "kept"
    assert done.reason.endswith(f"rm {lock}")
    assert state(root) == before
    assert git(root, "rev-parse", "main") == main
    lock.unlink()
    assert bring(root).how == "fast-forward"


def test_a_lock_that_appears_during_integration_restores_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = begin(tmp_path, {"a.txt": "2\n", "new.txt": "new\n"})
    write(root, {"mine.txt": "mine\n", "staged.txt": "staged\n"})
    git(root, "add", "staged.txt")
    before, main = state(root), git(root, "rev-parse", "main")
    lock = root / ".git" / "refs" / "heads" / "main.lock"
    interrupt(tmp_path, monkeypatch, f"touch {lock}", 1)
    assert bring(root).how == "kept"
    assert state(root) == before
    assert git(root, "rev-parse", "main") == main


def test_where_git_wants_signatures_a_commit_without_one_is_kept(tmp_path: Path) -> None:
    root = begin(tmp_path, {"a.txt": "2\n"})
    git(root, "config", "merge.verifySignatures", "true")
    done = bring(root)
    assert "signature" in done.reason
    assert done.how == "kept"


def test_a_conflict_keeps_the_branch_and_names_the_files(tmp_path: Path) -> None:
    root = begin(tmp_path, {"a.txt": "theirs\n", 'o "d\nd.txt': "theirs\n"})
    save(root, {"a.txt": "ours\n", 'o "d\nd.txt': "ours\n"})
    before, main = state(root), git(root, "rev-parse", "main")
    done = bring(root)
    assert (done.how, done.sha) == ("kept", None)
    assert done.files == ("a.txt", 'o "d\nd.txt')
    assert "a.txt" in done.reason
    assert state(root) == before
    assert git(root, "rev-parse", "main") == main


@pytest.mark.parametrize("went_on", [False, True])
@pytest.mark.parametrize("how", ["unstaged", "staged", "untracked", "ignored"])
def test_uncommitted_changes_that_would_be_overwritten_are_kept_and_named(
    tmp_path: Path, how: str, went_on: bool
) -> None:
    root = begin(tmp_path, {"a.txt": "2\n", "new.txt": "theirs\n"})
    if went_on:
        save(root, {"b.txt": "1\n"})
    name = "a.txt" if how in {"unstaged", "staged"} else "new.txt"
    write(root, {name: "the user's\n"})
    if how == "staged":
        git(root, "add", name)
    if how == "ignored":
        (root / ".git" / "info" / "exclude").write_text("new.txt\n")
    before, main = state(root), git(root, "rev-parse", "main")
    done = bring(root)
    assert done.how == "kept"
    assert name in done.reason
    assert state(root) == before
    assert git(root, "rev-parse", "main") == main


def test_a_run_that_started_detached_is_kept(tmp_path: Path) -> None:
    root = begin(tmp_path, {"a.txt": "2\n"})
    git(root, "checkout", "-q", "--detach")
    done = bring(root, target=None)
    assert (done.how, done.reason.partition(":")[0]) == ("kept", "no branch is checked out")


@pytest.mark.parametrize("went_on", [False, True])
def test_a_target_that_is_not_checked_out_moves_alone(tmp_path: Path, went_on: bool) -> None:
    root = begin(tmp_path, {"a.txt": "2\n"})
    if went_on:
        save(root, {"b.txt": "1\n"})
    git(root, "checkout", "-q", "-b", "elsewhere")
    write(root, {"a.txt": "the user's\n"})
    before = state(root)
    done = bring(root)
    assert done.how == ("merge" if went_on else "fast-forward")
    assert git(root, "rev-parse", "main") == done.sha
    assert git(root, "show", "main:a.txt") == "2"
    assert git(root, "symbolic-ref", "--short", "HEAD") == "elsewhere"
    assert state(root) == before
    assert bring(root) == Integration(how="already", sha=done.sha)


def test_a_target_in_another_worktree_is_kept(tmp_path: Path) -> None:
    root = begin(tmp_path, {"a.txt": "2\n"})
    git(root, "checkout", "-q", "-b", "elsewhere")
    other = tmp_path / "it's $(touch x) another"
    git(root, "worktree", "add", "-q", str(other), "main")
    main = git(root, "rev-parse", "main")
    done = bring(root)
    assert done.how == "kept"
    assert str(other) in done.reason
    assert git(root, "rev-parse", "main") == main


def test_a_target_that_another_worktree_is_rebasing_is_kept(tmp_path: Path) -> None:
    root = begin(tmp_path, {"c.txt": "1\n"})
    save(root, {"a.txt": "ours\n"})
    git(root, "checkout", "-q", "-b", "onto", "main~1")
    save(root, {"a.txt": "other\n"})
    other = tmp_path / "other"
    git(root, "worktree", "add", "-q", str(other), "main")
    with pytest.raises(AssertionError):
        git(other, "rebase", "-q", "onto")
    main = git(root, "rev-parse", "main")
    done = bring(root)
    assert done.how == "kept"
    assert str(other) in done.reason
    assert git(root, "rev-parse", "main") == main


@pytest.mark.parametrize("operation", ["merge", "rebase", "cherry-pick"])
def test_an_unfinished_operation_is_left_alone(tmp_path: Path, operation: str) -> None:
    root = begin(tmp_path, {"c.txt": "1\n"})
    git(root, "checkout", "-q", "-b", "side")
    save(root, {"a.txt": "side\n"})
    git(root, "checkout", "-q", "main")
    save(root, {"a.txt": "main\n"})
    with pytest.raises(AssertionError):
        git(root, operation, "side")
    before, main = state(root), git(root, "rev-parse", "main")
    done = bring(root)
    assert done.how == "kept"
    assert operation in done.reason
    assert (state(root), git(root, "rev-parse", "main")) == (before, main)


def test_a_target_that_is_gone_is_kept(tmp_path: Path) -> None:
    root = begin(tmp_path, {"a.txt": "2\n"})
    done = bring(root, target="feature")
    assert (done.how, done.reason) == ("kept", "the branch feature is gone")


def test_a_branch_that_is_gone_cannot_land(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    assert bring(root).how == "kept"


def test_unrelated_histories_are_kept(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1\n"})
    git(root, "checkout", "-q", "--orphan", BRANCH)
    save(root, {"b.txt": "1\n"})
    git(root, "checkout", "-q", "main")
    done = bring(root)
    assert done.how == "kept"
    assert "unrelated" in done.reason


@pytest.mark.parametrize("went_on", [False, True])
def test_no_hook_runs_and_no_setting_changes_the_outcome(tmp_path: Path, went_on: bool) -> None:
    root = begin(tmp_path, {"a.txt": "2\n"})
    if went_on:
        save(root, {"b.txt": "1\n"})
    mark = install_hooks(root)
    for key, value in {
        "merge.ff": "false",
        "merge.autoStash": "true",
        "branch.main.mergeOptions": "--squash --no-commit",
    }.items():
        git(root, "config", key, value)
    write(root, {"mine.txt": "the user's\n"})
    git(root, "-c", "core.hooksPath=/dev/null", "add", "mine.txt")
    done = bring(root)
    assert done.how == ("merge" if went_on else "fast-forward")
    assert git(root, "rev-parse", "main") == done.sha
    assert not mark.exists()
    assert git(root, "-c", "core.hooksPath=/dev/null", "status", "--porcelain") == "M  mine.txt"


def test_a_merge_without_an_identity_is_made_under_runrs_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = begin(tmp_path, {"a.txt": "2\n"})
    save(root, {"b.txt": "1\n"})
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git(root, "config", "--remove-section", "user")
    git(root, "config", "user.useConfigOnly", "true")
    assert bring(root).how == "merge"
    assert git(root, "log", "-1", "--format=%cn") == "runr"
