"""Folders that a clean checkout needs and no commit holds, such as installed dependencies."""

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from runr import nofollow
from runr.execution.rewritten_paths import Rewriting

#: ioctl of Linux that lets two files share their blocks until one is written.
_FICLONE = 0x40049409

#: Files in which installers write absolute paths: installs, and what is in folders of programs.
_NAMING = ("*.pth", "__editable__*", "direct_url.json", "*.egg-link", "pyvenv.cfg")
_PROGRAMS = ("bin", ".bin")
#: Where the record of a copy says for which working trees it was rewritten.
_FOR = "/"
#: No script of an installer is larger.
_MOST_BYTES = 1 << 18


def prepare(source: Path, target: Path, scratch: Path, rewriting: Rewriting | None) -> None:
    """Make the place of a carried folder: empty where it is mounted, else a copy that is kept.

    In the copy, links and installed programs that name the working trees are rewritten.
    """
    if rewriting is not None:
        _synchronize(source, target, scratch, rewriting)
        return
    target.mkdir(parents=True, exist_ok=True)
    nofollow.remove(scratch)
    for name in ("upper", "work"):
        (scratch / name).mkdir(parents=True)


class _Copy:
    """A copy of a folder; only what differs from `known`, the state of both before, is copied."""

    def __init__(
        self, source: Path, target: Path, known: Mapping[str, object], rewriting: Rewriting
    ) -> None:
        self.made: dict[str, object] = {_FOR: list(rewriting.trees)}
        self._rewriting = rewriting
        self._source = source
        self._target = target
        self._known = known

    def synchronize(self, folder: str = "") -> None:
        """Make the folder of the target as it is in the source."""
        here, there = self._source / folder, self._target / folder
        there.mkdir(parents=True, exist_ok=True)
        wanted = {entry.name: entry for entry in os.scandir(here)}
        for old in list(os.scandir(there)):
            twin = wanted.get(old.name)
            if twin is None or _kind(twin) != _kind(old):
                nofollow.remove(Path(old.path))
        for name, entry in wanted.items():
            path = f"{folder}/{name}" if folder else name
            if entry.is_dir(follow_symlinks=False):
                self.synchronize(path)
            else:
                self._synchronize_file(path)

    def _synchronize_file(self, path: str) -> None:
        source, target = self._source / path, self._target / path
        is_known = path in self._known and self._known[path] == _signature(source, target)
        if not is_known or (source.is_symlink() and not self._is_current(source, target)):
            nofollow.remove(target)
            _copy_file(source, target, self._rewriting)
        self.made[path] = _signature(source, target)

    def _is_current(self, source: Path, target: Path) -> bool:
        # What a link leads to by way of another one may have changed.
        return os.readlink(target) == self._rewriting.link(source)  # noqa: PTH115 - as a text


def _synchronize(source: Path, target: Path, scratch: Path, rewriting: Rewriting) -> None:
    """Make `target` a copy of `source`, and write down beside it what was copied."""
    scratch.mkdir(parents=True, exist_ok=True)
    record = scratch / "copied.json"
    known = json.loads(record.read_bytes()) if record.exists() else {}
    if known.get(_FOR) != list(rewriting.trees):
        known = {}
    copy = _Copy(source, target, known, rewriting)
    copy.synchronize()
    record.write_text(json.dumps(copy.made))


def _signature(source: Path, target: Path) -> list[int] | None:
    """Return numbers that differ as soon as one of the files is changed."""
    try:
        one, other = source.lstat(), target.lstat()
    except OSError:
        return None
    return [one.st_size, one.st_mtime_ns, one.st_ctime_ns, other.st_size, other.st_ctime_ns]


def _copy_file(source: Path, target: Path, rewriting: Rewriting) -> None:
    """Copy a file, by sharing its blocks where the file system can."""
    if source.is_symlink():
        target.symlink_to(rewriting.link(source))
        return
    if _is_naming(source) and (text := _text(source)) is not None:
        moved = rewriting.text(text)
        if moved != text:
            # The new time tells Python that what it has compiled of the file is out of date.
            target.write_text(moved, encoding="utf-8", newline="")
            shutil.copymode(source, target)
            return
    with source.open("rb") as read, target.open("xb") as write:
        try:
            fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())
        except OSError:
            shutil.copyfileobj(read, write)
    shutil.copystat(source, target)


def _is_naming(path: Path) -> bool:
    named = any(fnmatchcase(path.name, each) for each in _NAMING)
    return named or path.parent.name in _PROGRAMS


def _text(path: Path) -> str | None:
    """Return the text of a small file, None where it is another one or none."""
    if path.stat().st_size > _MOST_BYTES:
        return None
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None


def _kind(entry: "os.DirEntry[str]") -> tuple[bool, bool]:
    return entry.is_symlink(), entry.is_dir(follow_symlinks=False)
