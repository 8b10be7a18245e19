import hashlib
import time
import zlib
from pathlib import Path

import pytest

from runr.errors import GitError
from runr.git.object_check import refuse_wrong
from runr.git.repo import Repo
from unit.git_trees import git, make, save

BAD, GOOD = b"bad\n", b"good\n"


def blob(content: bytes) -> bytes:
    return b"blob %d\0" % len(content) + content


def plant(root: Path, content: bytes = GOOD) -> Path:
    """Write an object with other content under the name of BAD."""
    name = hashlib.sha1(blob(BAD), usedforsecurity=False).hexdigest()
    path = root / ".git/objects" / name[:2] / name[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zlib.compress(blob(content)))
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "repo", {"a.txt": "1"})


def test_an_object_of_other_content_is_named_and_put_aside(root: Path) -> None:
    path = plant(root)
    with pytest.raises(GitError, match="not what their names say") as refused:
        refuse_wrong(Repo(root), time.time())
    assert str(refused.value.next_steps[0]) == "git fsck"
    assert not path.exists()
    refuse_wrong(Repo(root), 0)
    (root / "bad").write_bytes(BAD)
    assert git(root, "cat-file", "-p", git(root, "hash-object", "-w", "bad")) == "bad"


@pytest.mark.parametrize("kind", ["garbage", "cut", "folder", "link", "link of its folder", "more"])
def test_what_is_no_object_is_put_aside(root: Path, kind: str) -> None:
    path = plant(root, BAD)
    refuse_wrong(Repo(root), 0)
    whole = path.read_bytes()
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "link of its folder":
        path.parent.rename(root / "elsewhere")
        path.parent.symlink_to(root / "elsewhere")
    elif kind == "link":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes({"garbage": b"x", "cut": whole[:-7], "more": b""}[kind])
    with pytest.raises(GitError, match="not what their names say"):
        refuse_wrong(Repo(root), time.time())


def test_what_git_has_written_is_right(root: Path) -> None:
    save(root, {"large.txt": "x" * 300_000, "b.txt": "2"})
    refuse_wrong(Repo(root), 0)
    git(root, "gc", "-q")
    git(root, "commit-graph", "write", "--reachable")
    git(root, "repack", "-adq", "--write-midx")
    refuse_wrong(Repo(root), 0)


def test_what_is_older_is_not_read(root: Path) -> None:
    plant(root)
    refuse_wrong(Repo(root), time.time() + 60)


def test_objects_from_elsewhere_are_refused(root: Path, tmp_path: Path) -> None:
    (root / ".git/objects/info").mkdir(exist_ok=True)
    (root / ".git/objects/info/alternates").write_text(f"{tmp_path}\n")
    with pytest.raises(GitError, match="alternates was changed"):
        refuse_wrong(Repo(root), time.time())


def test_a_pack_of_other_content_is_refused(root: Path) -> None:
    git(root, "gc", "-q")
    (pack,) = (root / ".git/objects/pack").glob("*.pack")
    pack.chmod(0o644)
    content = bytearray(pack.read_bytes())
    content[20] ^= 0xFF
    pack.write_bytes(content)
    with pytest.raises(GitError, match="verify-pack"):
        refuse_wrong(Repo(root), time.time())
