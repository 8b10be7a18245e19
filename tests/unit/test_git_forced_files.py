from pathlib import Path

import pytest

from runr.git import quarantine, snapshot
from runr.git.repo import Repo
from unit.git_trees import git, make, save, write

OLD = {"a.txt", ".gitignore"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "repo", {"a.txt": "1\n", ".gitignore": "*.log\n"})


@pytest.fixture
def scratch(root: Path, tmp_path: Path) -> Repo:
    """Return the repository as a run sees it that has just begun."""
    repo = quarantine.enter(Repo(root), tmp_path / "run")
    snapshot.begin(repo, git(root, "rev-parse", "HEAD"))
    return repo


def files(scratch: Repo) -> set[str]:
    tree = snapshot.take(scratch)
    return set(scratch.fields("ls-tree", "-r", "-z", "--name-only", tree))


@pytest.mark.parametrize("add", [("add", "-f"), ("add", "-f", "-N")])
def test_an_ignored_file_counts_as_long_as_git_has_it_in_its_index(
    root: Path, scratch: Repo, add: tuple[str, ...]
) -> None:
    write(root, {"[x].log": "1", "x.log": "1", "new.txt": "1", ":!new": "1"})
    assert files(scratch) == files(scratch) == {*OLD, "new.txt", ":!new"}
    git(root, "--literal-pathspecs", *add, "[x].log")
    assert files(scratch) == files(scratch) == {*OLD, "new.txt", ":!new", "[x].log"}
    git(root, "rm", "-q", "-f", "--cached", "[[]x].log")
    assert files(scratch) == files(scratch) == {*OLD, "new.txt", ":!new"}


def test_a_file_that_is_made_after_git_add_counts(root: Path, scratch: Repo) -> None:
    write(root, {"x.log": "1"})
    git(root, "add", "-f", "x.log")
    (root / "x.log").unlink()
    assert files(scratch) == OLD
    write(root, {"x.log": "2"})
    assert files(scratch) == {*OLD, "x.log"}


def test_a_new_file_that_is_excluded_later_counts_no_more(root: Path, scratch: Repo) -> None:
    write(root, {"new.txt": "1"})
    assert files(scratch) == {*OLD, "new.txt"}
    write(root, {".git/info/exclude": "new.txt\n"})
    assert files(scratch) == OLD


def test_a_tracked_file_that_is_ignored_later_counts(root: Path, scratch: Repo) -> None:
    assert files(scratch) == OLD
    write(root, {".gitignore": "*\n"})
    assert files(scratch) == OLD


def test_many_files_are_forced_at_once(root: Path, scratch: Repo) -> None:
    names = {f"{number}.log" for number in range(300)}
    write(root, dict.fromkeys(names, "1"))
    git(root, "add", "-f", ".")
    assert files(scratch) == OLD | names
    save(root, {"b.txt": "1"})
    git(root, "rm", "-q", "--cached", "*.log")
    assert files(scratch) == {*OLD, "b.txt"}


def test_an_index_that_git_cannot_read_changes_nothing(root: Path, scratch: Repo) -> None:
    write(root, {"new.txt": "1"})
    (root / ".git" / "index").write_bytes(b"DIRC of something else")
    assert files(scratch) == {*OLD, "new.txt"}


def test_a_file_behind_a_link_is_looked_up_as_well(root: Path, scratch: Repo) -> None:
    write(root, {"logs/x.log": "1", "logs/y.log": "1"})
    git(root, "add", "-f", "logs/x.log")
    (root / "logs").rename(root / "other")
    (root / "logs").symlink_to("other")
    write(root, {"z.log": "1"})
    git(root, "add", "-f", "z.log")
    assert files(scratch) == {*OLD, "logs", "z.log"}
