"""Objects in the repository that are not what their names say.

Git relies on the name of an object that it reads, and does not write one that is there. Who puts
other content under the name of what is to be committed would have it checked, and committed.
"""

import hashlib
import math
import os
import stat
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from runr import nofollow
from runr.errors import GitError
from runr.git.repo import Repo
from runr.next_steps import commands
from runr.text import join_limited

#: How an object is named by its content, by the length of the name.
_HASHES = {40: "sha1", 64: "sha256"}
_PREFIX = 2
_CHUNK = 1 << 16
#: The times of a file system are this coarse, in seconds.
_MARGIN_S = 1.0
_NAMED = 3

#: The packs that this process has found right, each with what a later change of it alters.
_right: set[tuple[int, ...]] = set()


def refuse_wrong(repo: Repo, since: float) -> None:
    """Raise GitError if an object that was written since then is not what its name says.

    Such an object is put aside, so that git can write the right one. `since` is in seconds
    since 1970. What was written is known by the time that a program cannot set.
    """
    common = repo.common_dir()
    began = since - _MARGIN_S
    wrong = [path for path in _written(common / "objects", began) if not _is_right(path)]
    aside = common / "runr" / "wrong-objects"
    for path in wrong:
        nofollow.make_folder(aside)
        # What was put aside before, under the same name, stays.
        path.rename(aside / f"{_name(path)}-{os.urandom(4).hex()}")
    if wrong:
        names = join_limited([_name(path) for path in wrong], _NAMED)
        raise GitError(
            f"objects of {common} that were written during the run are not what their names say, "
            f"and were moved to {aside}: {names}",
            next_steps=[commands.git("fsck")],
        )
    _verify_packs(repo, common / "objects", began)


def _written(objects: Path, since: float) -> Iterator[Path]:
    """Yield the loose objects of folders that changed since then: a folder may have been moved.

    Git makes no link in place of a folder: the link is what is wrong.
    """
    for folder in _scan(objects):
        if len(folder.name) != _PREFIX or folder.stat(follow_symlinks=False).st_ctime < since:
            continue
        if folder.is_symlink():
            yield Path(folder.path)
        else:
            inside = (Path(entry.path) for entry in _scan(Path(folder.path)))
            yield from (path for path in inside if is_name(_name(path)))


def _scan(folder: Path) -> list["os.DirEntry[str]"]:
    with suppress(OSError), os.scandir(folder) as entries:
        return list(entries)
    return []


def is_name(text: str) -> bool:
    """Tell whether the text is as long as the name of an object."""
    return len(text) in _HASHES


def has_content(name: str, file: BinaryIO) -> bool:
    """Tell whether a loose object, as it is stored, is the one of that name."""
    if not is_name(name):
        return False
    digest = hashlib.new(_HASHES[len(name)], usedforsecurity=False)
    try:
        for part in _inflated(file):
            digest.update(part)
    except zlib.error:
        return False
    return digest.hexdigest() == name


def _name(path: Path) -> str:
    return path.parent.name + path.name


def _is_right(path: Path) -> bool:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return False
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return True  # git has packed it meanwhile
    except OSError:
        return False
    with os.fdopen(handle, "rb") as file:
        return has_content(_name(path), file)


def _inflated(file: BinaryIO) -> Iterator[bytes]:
    inflate = zlib.decompressobj()
    while not inflate.eof and (packed := file.read(_CHUNK)):
        while packed and not inflate.eof:
            yield inflate.decompress(packed, _CHUNK)
            packed = inflate.unconsumed_tail


def _verify_packs(repo: Repo, objects: Path, since: float) -> None:
    """Let git read again what was packed since then, and what it finds packed objects with."""
    written = {path.name: path for path in _new_files(objects, since)}
    if "alternates" in written:
        raise GitError(
            f"{written['alternates']} was changed during the run: "
            "objects that are read from elsewhere are not verified",
            next_steps=[commands.git("fsck")],
        )
    before = time.time()
    packs = {path: _pack_marks(path) for name, path in written.items() if name.endswith(".idx")}
    if indexes := sorted(str(path) for path, marks in packs.items() if not marks <= _right):
        repo.run("verify-pack", "--", *indexes)
        # What was written just now could be changed without another time of the inode.
        _right.update(*(marks for marks in packs.values() if _latest(marks) < before - _MARGIN_S))
    if any(name.startswith("multi-pack-index") for name in written):
        repo.run("multi-pack-index", "verify")
    if any("graph" in name for name in written):
        repo.run("commit-graph", "verify")


def _pack_marks(index: Path) -> frozenset[tuple[int, ...]]:
    """Return what is another as soon as the index or the pack is changed."""
    return frozenset(_mark(path) for path in (index, index.with_suffix(".pack")))


def _mark(path: Path) -> tuple[int, ...]:
    try:
        found = path.lstat()
    except OSError:
        return ()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _latest(marks: Iterable[tuple[int, ...]]) -> float:
    return max(mark[-1] if mark else math.inf for mark in marks) / 1e9


def _new_files(objects: Path, since: float) -> Iterator[Path]:
    for folder in ("pack", "info", "info/commit-graphs"):
        for entry in _scan(objects / folder):
            with suppress(OSError):
                if entry.stat(follow_symlinks=False).st_ctime >= since:
                    yield Path(entry.path)
