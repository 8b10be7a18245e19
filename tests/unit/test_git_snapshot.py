import os
from pathlib import Path

import pytest

from runr.errors import GitError
from runr.git import snapshot
from runr.git.repo import Repo
from unit.git_trees import ODD_NAMES, git, listing, make, save, state, write


def test_a_snapshot_holds_all_that_git_does_not_ignore_and_leaves_no_trace(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1", ".gitignore": "build/\n", "gone.txt": "1"})
    write(root, {"a.txt": "staged", "build/out.bin": "1"})
    git(root, "add", "a.txt")
    write(root, {"a.txt": "unstaged", "new/deep.txt": "1", **dict.fromkeys(ODD_NAMES, "odd")})
    (root / "gone.txt").unlink()
    before = state(root)
    index = (root / ".git" / "index").read_bytes()
    tree = snapshot.take(Repo(root))
    assert listing(root, tree) == {"a.txt", ".gitignore", "new/deep.txt", *ODD_NAMES}
    assert git(root, "cat-file", "-p", f"{tree}:a.txt") == "unstaged"
    assert (root / ".git" / "index").read_bytes() == index
    assert state(root) == before
    assert not list((root / ".git").glob("runr-index-*"))


def test_two_snapshots_of_the_same_files_are_the_same_tree(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    write(root, {"b.txt": "1"})
    tree = snapshot.take(Repo(root))
    git(root, "add", "b.txt")
    assert snapshot.take(Repo(root)) == tree
    git(root, "commit", "-q", "-m", "b")
    assert snapshot.take(Repo(root)) == tree == git(root, "rev-parse", "HEAD^{tree}")


def test_a_change_with_the_same_size_and_time_is_detected(tmp_path: Path) -> None:
    root = make(tmp_path / "repo")
    git(root, "config", "core.trustctime", "false")
    at = (1_700_000_000, 1_700_000_000)
    write(root, {"a.txt": "1"})
    os.utime(root / "a.txt", at)
    git(root, "add", "a.txt")
    git(root, "commit", "-q", "-m", "first")
    # As if the file had been written again, as long as before, in the index's own second.
    os.utime(root / ".git" / "index", at)
    write(root, {"a.txt": "2"})
    os.utime(root / "a.txt", at)
    tree = snapshot.take(Repo(root))
    assert git(root, "cat-file", "-p", f"{tree}:a.txt") == "2"


def test_line_ends_that_git_would_change_are_accepted(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {".gitattributes": "*.txt text\n"})
    git(root, "config", "core.safecrlf", "true")
    (root / "dos.txt").write_bytes(b"one\r\ntwo\r\n")
    assert "dos.txt" in listing(root, snapshot.take(Repo(root)))


def test_before_the_first_commit_a_snapshot_works(tmp_path: Path) -> None:
    root = make(tmp_path / "repo")
    repo = Repo(root)
    assert snapshot.take(repo) == snapshot.empty_tree(repo)
    write(root, {"a.txt": "1", ".runr/tasks/a.md": "# a"})
    assert listing(root, snapshot.take(repo)) == {"a.txt"}


def test_runrs_own_files_stay_as_in_head(tmp_path: Path) -> None:
    tasks = {".runr/tasks/a.md": "one", ".runr/tasks/b.md": "one", ".runr/.gitignore": "runs/\n"}
    root = make(tmp_path / "repo", {"a.txt": "1", **tasks})
    write(root, {".runr/tasks/a.md": "staged", ".runr/tasks/c.md": "staged and new"})
    git(root, "add", "-A")
    write(root, {".runr/tasks/a.md": "changed", ".runr/runs/x": "1", ".runrx": "mine"})
    (root / ".runr/tasks/b.md").unlink()
    tree = snapshot.take(Repo(root))
    assert git(root, "rev-parse", f"{tree}:.runr") == git(root, "rev-parse", "HEAD:.runr")
    assert listing(root, tree) == {"a.txt", ".runrx", *tasks}
    assert ".runr/tasks/c.md" in listing(root, snapshot.take(Repo(root), exclude=()))


def test_a_snapshot_is_taken_in_the_middle_of_a_conflict(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1\n"})
    git(root, "checkout", "-q", "-b", "side")
    save(root, {"a.txt": "side\n"})
    git(root, "checkout", "-q", "main")
    save(root, {"a.txt": "main\n"})
    with pytest.raises(AssertionError):
        git(root, "merge", "-q", "side")
    before = state(root)
    tree = snapshot.take(Repo(root))
    assert "<<<<<<<" in git(root, "cat-file", "-p", f"{tree}:a.txt")
    assert state(root) == before


def test_a_lost_index_is_read_from_head(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    write(root, {".gitignore": "forced.txt\n", "forced.txt": "1"})
    git(root, "add", "-f", "forced.txt", ".gitignore")
    git(root, "commit", "-q", "-m", "a tracked file that is ignored")
    (root / ".git" / "index").unlink()
    assert snapshot.take(Repo(root)) == git(root, "rev-parse", "HEAD^{tree}")


def test_submodules_stay_links(tmp_path: Path) -> None:
    inner = make(tmp_path / "inner", {"in.txt": "1"})
    root = make(tmp_path / "repo", {"a.txt": "1"})
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "sub")
    git(root, "commit", "-q", "-m", "submodule")
    git(root, "config", "diff.ignoreSubmodules", "all")
    git(root, "config", "submodule.sub.ignore", "all")
    write(root, {"sub/in.txt": "dirty", "sub/new.txt": "1"})
    before = snapshot.take(Repo(root))
    assert before == git(root, "rev-parse", "HEAD^{tree}")
    moved = save(root / "sub", {"in.txt": "2"})
    (change,) = snapshot.changed(Repo(root), before, snapshot.take(Repo(root)))
    assert (change.path, change.new_mode, change.object_id) == ("sub", "160000", moved)


def test_an_executable_bit_a_link_and_a_folder_in_place_of_a_file_are_changes(
    tmp_path: Path,
) -> None:
    root = make(tmp_path / "repo", {"run.sh": "1", "link": "1", "thing": "1"})
    repo = Repo(root)
    before = snapshot.take(repo)
    (root / "run.sh").chmod(0o755)
    (root / "link").unlink()
    (root / "link").symlink_to("run.sh")
    (root / "thing").unlink()
    write(root, {"thing/inside": "1"})
    changes = {c.path: (c.status, c.old_mode, c.new_mode) for c in _since(repo, before)}
    assert changes == {
        "run.sh": ("M", "100644", "100755"),
        "link": ("T", "100644", "120000"),
        "thing": ("D", "100644", "000000"),
        "thing/inside": ("A", "000000", "100644"),
    }


def test_a_rename_shows_both_sides_and_unusual_names_are_preserved(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"old.txt": "same\n" * 20})
    repo = Repo(root)
    before = snapshot.take(repo)
    (root / "old.txt").rename(root / "new.txt")
    write(root, dict.fromkeys(ODD_NAMES, "odd\n"))
    after = snapshot.take(repo)
    paths = {change.path for change in snapshot.changed(repo, before, after)}
    assert paths == {"old.txt", "new.txt", *ODD_NAMES}
    assert {stat.path for stat in snapshot.diffstat(repo, before, after)[0]} == paths


def test_the_patch_makes_one_tree_of_the_other_whatever_the_user_configured(
    tmp_path: Path,
) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1\n", ".gitattributes": "*.txt diff=shout\n"})
    for key, value in {
        "color.ui": "always",
        "diff.noprefix": "true",
        "diff.external": "false",
        "diff.shout.textconv": "tr a-z A-Z <",
        "diff.shout.command": "echo shout",
    }.items():
        git(root, "config", key, value)
    repo = Repo(root)
    before = snapshot.take(repo)
    write(root, {"a.txt": "2\n", "mixed.txt": "a\r\nb\n", **dict.fromkeys(ODD_NAMES, "odd\n")})
    (root / "data.bin").write_bytes(bytes(range(256)))
    after = snapshot.take(repo)
    copy = tmp_path / "copy"
    git(root, "worktree", "add", "-q", "--detach", str(copy))
    patch = snapshot.patch(repo, before, after)
    assert snapshot.diffstat(repo, before, after)[1] == patch
    git(copy, "apply", "--index", stdin=patch)
    assert git(copy, "write-tree") == after


def test_the_diffstat_counts_lines_and_leaves_binary_files_uncounted(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1\n2\n3\n"})
    repo = Repo(root)
    before = snapshot.take(repo)
    write(root, {"a.txt": "1\nzwei\n3\n4\n"})
    (root / "data.bin").write_bytes(b"\0\1\2")
    stats = {s.path: (s.added, s.deleted) for s in snapshot.diffstat(repo, before, _now(repo))[0]}
    assert stats == {"a.txt": (2, 1), "data.bin": (None, None)}


def test_what_git_cannot_add_is_an_error_that_names_it(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    make(root / "nested")
    with pytest.raises(GitError, match="nested"):
        snapshot.take(Repo(root))


def test_a_snapshot_in_a_linked_worktree_is_of_that_worktree(tmp_path: Path) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    linked = root / ".runr" / "worktrees" / "one"
    git(root, "worktree", "add", "-q", "-b", "one", str(linked))
    write(linked, {"b.txt": "1"})
    assert listing(root, snapshot.take(Repo(linked))) == {"a.txt", "b.txt"}
    assert listing(root, snapshot.take(Repo(root))) == {"a.txt"}


def test_a_git_index_in_the_environment_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make(tmp_path / "repo", {"a.txt": "1"})
    mine = tmp_path / "my-index"
    monkeypatch.setenv("GIT_INDEX_FILE", os.fspath(mine))
    snapshot.take(Repo(root))
    assert not mine.exists()


def _now(repo: Repo) -> str:
    return snapshot.take(repo)


def _since(repo: Repo, before: str) -> tuple[snapshot.Change, ...]:
    return snapshot.changed(repo, before, snapshot.take(repo))
