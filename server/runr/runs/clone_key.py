"""The key of this clone, with which the journals of its runs are sealed.

It is in the git directory that all working trees share: no commit contains it, and no clone gets
it. A repository that is moved, or copied with its `.git`, keeps it.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from runr.errors import DamagedStateError, RepositoryError
from runr.git import folders
from runr.next_steps import commands
from runr.runs.chain import Key

_FORM = re.compile(rb"([0-9a-f]{16}) ([0-9a-f]{64})\n")


def folder(common: Path) -> Path:
    """Return the folder in the git directory that has the key and nothing else."""
    return common / "runr" / "key"


def find(root: Path) -> Key | None:
    """Return the key of the clone with a working tree at `root`; None where it has none yet."""
    common = folders.common_dir(root)
    return _read(folder(common) / "journals") if common else None


def ensure(root: Path) -> Key:
    """Return the key of the clone; make it where there is none."""
    common = folders.common_dir(root)
    if common is None:
        raise RepositoryError(
            f"{root} is not inside a git repository", next_steps=[commands.git("init")]
        )
    path = folder(common) / "journals"
    return _read(path) or _make(path)


def _read(path: Path) -> Key | None:
    try:
        found = _FORM.fullmatch(path.read_bytes())
    except FileNotFoundError:
        return None
    if found is None:
        raise DamagedStateError(
            f"{path} is not as runr wrote it: without it, no record of a run can be checked; "
            "put it back from a backup, or remove it, and all records count as those of another "
            "clone",
            next_steps=[commands.program("ls", "-l", str(path))],
        )
    return Key(found[1], bytes.fromhex(found[2].decode()))


def _make(path: Path) -> Key:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    begun = path.with_name(f"{path.name}.{os.getpid()}.new")
    with suppress(FileNotFoundError):
        begun.unlink()
    handle = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, f"{os.urandom(8).hex()} {os.urandom(32).hex()}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    # A name that is taken is not replaced: of two that make a key at once, one is the key.
    with suppress(FileExistsError):
        os.link(begun, path)
    begun.unlink()
    made = _read(path)
    if made is None:
        raise RepositoryError(f"{path} was removed while it was made")
    return made
