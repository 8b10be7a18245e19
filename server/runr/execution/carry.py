"""Folders that a clean checkout needs and no commit holds, such as installed dependencies."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from runr import nofollow
from runr.errors import VerificationError
from runr.next_steps import commands

#: ioctl of Linux that lets two files share their blocks until one is written.
_FICLONE = 0x40049409

_FOREIGN = (
    "{} leads to {}, so the checks would verify the files there and not the commit, and this "
    "machine cannot mount a checkout over that path: run the checks without this editable install, "
    'or with `where = "workspace"` under [verify] in .runr/config.toml, as weaker evidence'
)


def prepare(source: Path, target: Path, scratch: Path, *, mounted: bool) -> None:
    """Make the place of a carried folder: empty where it is mounted, else a copy that is kept."""
    if not mounted:
        _synchronize(source, target, scratch)
        return
    target.mkdir(parents=True, exist_ok=True)
    _remove(scratch)
    for name in ("upper", "work"):
        (scratch / name).mkdir(parents=True)


def rewrite_paths(environment: Mapping[str, str], root: Path, checkout: Path) -> dict[str, str]:
    """Return the environment with every path into the repository leading to the checkout."""

    def rewritten(value: str) -> str:
        return os.pathsep.join(_moved(part, str(root), str(checkout)) for part in value.split(":"))

    return {name: rewritten(value) for name, value in environment.items()}


def refuse_foreign_code(roots: Sequence[Path], environment: Mapping[str, str]) -> None:
    """Raise VerificationError where the active Python would import the repository's own files.

    An editable install names them by their path, and they are not those of the candidate.
    """
    for folder in _site_folders(environment):
        for link in sorted(folder.glob("*.pth")):
            with suppress(OSError):
                text = link.read_text(errors="replace")
                found = next((root for root in roots if str(root) in text), None)
                if found:
                    message = _FOREIGN.format(link, found)
                    raise VerificationError(message, next_steps=(commands.doctor(),))


def _moved(part: str, root: str, checkout: str) -> str:
    inside = part == root or part.startswith(f"{root}/")
    own = part.startswith((f"{root}/.runr/", f"{root}/.git/"))
    return checkout + part[len(root) :] if inside and not own else part


def _site_folders(environment: Mapping[str, str]) -> Iterator[Path]:
    active = environment.get("VIRTUAL_ENV")
    homes = {Path(active)} if active else set()
    for part in environment.get("PATH", "").split(os.pathsep):
        home = Path(part).parent
        if part and (home / "pyvenv.cfg").is_file():
            homes.add(home)
    for home in sorted(homes):
        yield from home.glob("lib/python*/site-packages")


class _Copy:
    """A copy of a folder; only what differs from `known`, the state of both before, is copied."""

    def __init__(self, source: Path, target: Path, known: Mapping[str, object]) -> None:
        self.made: dict[str, object] = {}
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
                _remove(Path(old.path))
        for name, entry in wanted.items():
            path = f"{folder}/{name}" if folder else name
            if entry.is_dir(follow_symlinks=False):
                self.synchronize(path)
            else:
                self._synchronize_file(path)

    def _synchronize_file(self, path: str) -> None:
        source, target = self._source / path, self._target / path
        if path not in self._known or self._known[path] != _signature(source, target):
            _remove(target)
            _copy_file(source, target)
        self.made[path] = _signature(source, target)


def _synchronize(source: Path, target: Path, scratch: Path) -> None:
    """Make `target` a copy of `source`, and write down beside it what was copied."""
    scratch.mkdir(parents=True, exist_ok=True)
    record = scratch / "copied.json"
    known = json.loads(record.read_bytes()) if record.exists() else {}
    copy = _Copy(source, target, known)
    copy.synchronize()
    record.write_text(json.dumps(copy.made))


def _signature(source: Path, target: Path) -> list[int] | None:
    """Return numbers that differ as soon as one of the files is changed."""
    try:
        one, other = source.lstat(), target.lstat()
    except OSError:
        return None
    return [one.st_size, one.st_mtime_ns, one.st_ctime_ns, other.st_size, other.st_ctime_ns]


def _copy_file(source: Path, target: Path) -> None:
    """Copy a file, by sharing its blocks where the file system can."""
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    with source.open("rb") as read, target.open("xb") as write:
        try:
            fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())
        except OSError:
            shutil.copyfileobj(read, write)
    shutil.copystat(source, target)


def _kind(entry: "os.DirEntry[str]") -> tuple[bool, bool]:
    return entry.is_symlink(), entry.is_dir(follow_symlinks=False)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        nofollow.remove_tree(path)
    else:
        path.unlink(missing_ok=True)
