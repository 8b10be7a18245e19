"""Snapshots and the commits made of them, and what of it is left in the repository."""

import os
from pathlib import Path

import pytest

from runr.git import commits, quarantine, snapshot
from runr.git.repo import Repo
from unit.git_trees import git, listing, make, save, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "repo", {"a.txt": "1\n", ".gitignore": "*.log\n"})


@pytest.fixture
def scratch(root: Path, tmp_path: Path) -> Repo:
    return quarantine.enter(Repo(root), tmp_path / "snapshots")


def objects(root: Path) -> set[str]:
    """Return every object that the repository itself has."""
    return set(git(root, "cat-file", "--batch-all-objects", "--batch-check").splitlines())


def long_ago(root: Path) -> None:
    """Make every file old: of one that was written just now, git reads the content again."""
    for path in root.rglob("*"):
        if ".git" not in path.relative_to(root).parts:
            os.utime(path, (1_700_000_000, 1_700_000_000))


def in_scratch(scratch: Repo, blob: str) -> bool:
    return scratch.attempt("cat-file", "-e", blob).ok


def test_a_snapshot_leaves_no_object_behind(root: Path, scratch: Repo) -> None:
    before = objects(root)
    write(root, {"a.txt": "2\n", "new.txt": "new\n"})
    with quarantine.temporary(Repo(root)) as short:
        assert snapshot.take(short) == snapshot.take(scratch)
        assert {c.path for c in snapshot.changed(short, "HEAD", snapshot.take(short))} == {
            "a.txt",
            "new.txt",
        }
    assert objects(root) == before


def test_untracked_files_are_recorded_by_hash_and_not_copied(root: Path, scratch: Repo) -> None:
    write(root, {"a.txt": "changed\n", "data/big.bin": "big\n", "run.log": "ignored\n"})
    long_ago(root)
    tree = snapshot.take_first(scratch)
    assert tree == snapshot.take(Repo(root))
    assert listing(root, tree) == {".gitignore", "a.txt", "data/big.bin"}
    assert git(root, "rev-parse", f"{tree}:data/big.bin") == git(
        root, "hash-object", "data/big.bin"
    )
    folder = quarantine.folder_of(scratch)
    assert folder is not None
    git(root, "prune")
    assert not in_scratch(scratch, f"{tree}:data/big.bin")
    assert in_scratch(scratch, f"{tree}:a.txt"), "git tracks it, so the patch needs it"


def test_only_what_has_changed_since_is_read_again(root: Path, scratch: Repo) -> None:
    read = root.parent / "read"
    git(root, "config", "filter.seen.clean", f"echo %f >>{read}; cat")
    (root / ".gitattributes").write_text("*.bin filter=seen\n")
    write(root, {f"data/{number}.bin": f"{number}\n" for number in range(9)})
    long_ago(root)
    snapshot.take_first(scratch)
    assert len(read.read_text().splitlines()) == 9
    read.write_text("")
    write(root, {"data/3.bin": "other\n", "data/new.bin": "new\n"})
    (root / "data" / "5.bin").unlink()
    before, now = snapshot.take(scratch), snapshot.take(scratch)
    assert before == now
    assert set(read.read_text().split()) == {"data/3.bin", "data/new.bin"}
    assert in_scratch(scratch, f"{now}:data/3.bin")
    assert not in_scratch(scratch, f"{now}:data/5.bin")
    assert not in_scratch(scratch, f"{now}:data/4.bin")


def test_it_is_read_again_when_git_tracks_something_else(root: Path, scratch: Repo) -> None:
    write(root, {"mine.txt": "mine\n", "other.txt": "other\n"})
    first = snapshot.take_first(scratch)
    git(root, "add", "mine.txt")
    write(root, {"forced.log": "forced\n"})
    git(root, "add", "-f", "forced.log")
    now = snapshot.take(scratch)
    assert [change.path for change in snapshot.changed(scratch, first, now)] == ["forced.log"]


def test_ignoring_a_file_later_hides_what_is_new_and_not_what_was_there(
    root: Path, scratch: Repo
) -> None:
    write(root, {"there.tmp": "1\n"})
    first = snapshot.take_first(scratch)
    write(root, {"cache.tmp": "2\n"})
    snapshot.take(scratch)
    write(root, {".gitignore": "*.log\n*.tmp\n"})
    changes = snapshot.changed(scratch, first, snapshot.take(scratch))
    assert [change.path for change in changes] == [".gitignore"]


def test_a_patch_shows_as_new_what_was_only_known_by_its_hash(root: Path, scratch: Repo) -> None:
    write(root, {"a.txt": "mine\n", "same.txt": "s\n", "notes.txt": "old\n"})
    long_ago(root)
    first = snapshot.take_first(scratch)
    write(root, {"a.txt": "theirs\n", "notes.txt": "new\n"})
    now = snapshot.take(scratch)
    patch = snapshot.patch(scratch, snapshot.comparable(scratch, first, now), now).decode()
    assert "-mine\n+theirs" in patch
    assert "new file mode" in patch
    assert "+new\n" in patch
    assert "same.txt" not in patch


def test_a_published_commit_is_whole_and_brings_nothing_else(root: Path, scratch: Repo) -> None:
    head = git(root, "rev-parse", "HEAD")
    write(root, {"sub/new.txt": "new\n", "other.txt": "other\n"})
    snapshot.take(scratch)
    (root / "other.txt").unlink()
    tree = snapshot.take(scratch)
    sha = commits.create(scratch, tree, (head,), b"work\n")
    assert not Repo(root).resolve(sha)
    quarantine.publish(scratch, Repo(root), sha, head)
    git(root, "update-ref", "refs/heads/work", sha)
    assert listing(root, sha) == {".gitignore", "a.txt", "sub/new.txt"}
    assert git(root, "fsck", "--strict", "--unreachable") == ""


def test_a_commit_that_cannot_be_copied_is_an_error(root: Path, scratch: Repo) -> None:
    write(root, {"new.txt": "new\n"})
    sha = commits.create(scratch, snapshot.take(scratch), (), b"work\n")
    blob = git(root, "hash-object", "new.txt")
    folder = quarantine.folder_of(scratch)
    assert folder is not None
    (folder / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(Exception, match=r"pack-objects .* failed .*" + blob[:7]):
        quarantine.publish(scratch, Repo(root), sha)


def test_a_split_index_leaves_no_shared_index_file(root: Path, scratch: Repo) -> None:
    git(root, "config", "core.splitIndex", "true")
    save(root, {"b.txt": "1\n"})
    write(root, {"c.txt": "1\n"})
    before = sorted(path.name for path in (root / ".git").iterdir())
    snapshot.take_first(scratch)
    snapshot.take(scratch)
    assert sorted(path.name for path in (root / ".git").iterdir()) == before
