"""Open, list, rename and remove files below `.runr` without following symbolic links.

A cloned repository may contain a link instead of any file or folder of the record. So each name,
from the repository's root on, is opened relative to a descriptor of its parent folder. A pipe, a
device or a folder in the place of a file is refused, too: opening one must not wait. A path that
is not below `.runr` belongs to the user: there links are followed and pipes are read as usual.
"""

import errno
import os
import stat as modes
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from runr import mounts
from runr.errors import DamagedStateError
from runr.next_steps import commands

_RECORD = "/.runr"
# Opening a file in a folder needs no permission to list the folder.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC

_NAMES = {modes.S_IFIFO: "a named pipe", modes.S_IFSOCK: "a socket"}


def open_file(path: Path, flags: int, *, parents: bool = False) -> int:
    """Return a descriptor of the file; `parents` creates missing folders above it.

    Raises DamagedStateError where `path` or a folder below `.runr` is a link, or the file is no
    regular one, else OSError.
    """
    with _above(path, parents=parents) as (folder, name, follow), _explained(path, folder, name):
        # Without O_NONBLOCK, opening a pipe waits for its other end.
        flags |= os.O_CLOEXEC | (follow and follow | os.O_NONBLOCK)
        handle = os.open(name, flags, 0o666, dir_fd=folder)
        if follow and not flags & os.O_DIRECTORY:
            kind = modes.S_IFMT(os.fstat(handle).st_mode)
            if kind != modes.S_IFREG:
                os.close(handle)
                raise _unfit(str(path), kind)
        return handle


def read(path: Path) -> bytes:
    """Return the file's content."""
    handle = open_file(path, os.O_RDONLY)
    try:
        with os.fdopen(handle, "rb", closefd=False) as stream:
            return stream.read()
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(handle)


def append_text(path: Path) -> TextIO:
    """Open a file for appending; create it and its folders if they are missing."""
    handle = open_file(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, parents=True)
    return os.fdopen(handle, "a", encoding="utf-8", errors="replace")


def stat(path: Path) -> os.stat_result:
    """Return the metadata of a file or folder."""
    with _above(path) as (folder, name, follow), _explained(path, folder, name):
        found = os.stat(name, dir_fd=folder, follow_symlinks=not follow)
    if follow and modes.S_ISLNK(found.st_mode):
        raise _unfit(str(path), modes.S_IFLNK)
    return found


def exists(path: Path) -> bool:
    """Return whether the file or folder exists."""
    try:
        stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def is_folder(path: Path) -> bool:
    """Return whether the path is a folder."""
    return exists(path) and modes.S_ISDIR(stat(path).st_mode)


def touch(path: Path) -> None:
    """Change the time at which an existing file or folder was changed to now."""
    with _above(path) as (folder, name, follow), _explained(path, folder, name):
        os.utime(name, dir_fd=folder, follow_symlinks=not follow)


def names(path: Path) -> list[str]:
    """Return the names in a folder, unsorted."""
    handle = open_file(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return os.listdir(handle)  # noqa: PTH208 - pathlib cannot list a descriptor
    finally:
        os.close(handle)


def existing(path: Path, wanted: Iterable[str]) -> set[str]:
    """Return those of the names that are in a folder, which may have far more of them."""
    try:
        handle = open_file(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return set()
    found = set()
    try:
        for name in wanted:
            if "/" in name or "\0" in name:
                continue
            try:
                os.lstat(name, dir_fd=handle)
            except OSError:  # as in `stat_in_each`
                continue
            found.add(name)
    finally:
        os.close(handle)
    return found - {".", ".."}


def stat_in_each(
    path: Path, name: str, folders: Iterable[str] | None = None
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield each folder's name in `path` with the metadata of the file `name` in it, unsorted.

    With `folders`, only those. Nothing is read here: where a link is in the way, reading the file
    is what fails.
    """
    try:
        handle = open_file(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        # pathlib cannot list a descriptor.
        for folder in os.listdir(handle) if folders is None else folders:  # noqa: PTH208
            try:
                found = os.stat(f"{folder}/{name}", dir_fd=handle, follow_symlinks=False)
            except OSError:  # not `suppress`, which a hundred thousand folders would wait for
                continue
            yield folder, found
    finally:
        os.close(handle)


def begin_of_each(path: Path, folders: Iterable[str], name: str, size: int) -> Iterator[bytes]:
    """Yield the first bytes of the file `name` in each of the folders of `path`.

    One that cannot be read is left out. A folder may be a link: what is found is a hint, and has
    to be read again.
    """
    try:
        handle = open_file(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        for folder in folders:
            with suppress(OSError):
                file = os.open(f"{folder}/{name}", flags, dir_fd=handle)
                try:
                    yield os.read(file, size)
                finally:
                    os.close(file)
    finally:
        os.close(handle)


def make_folder(path: Path, *, exist_ok: bool = True) -> None:
    """Create a folder and those above it; FileExistsError if it exists and may not."""
    with _above(path, parents=True) as (folder, name, _), _explained(path, folder, name):
        try:
            os.mkdir(name, dir_fd=folder)
        except FileExistsError:
            if not exist_ok or not is_folder(path):
                raise


def unlink(path: Path, *, missing_ok: bool = False) -> None:
    """Remove a file; of a link, the link itself."""
    try:
        with _above(path) as (folder, name, _):
            os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        if not missing_ok:
            raise


def rename(path: Path, name: str) -> None:
    """Rename a file within its folder, replacing a file or link of that name."""
    with _above(path) as (folder, old, _):
        os.replace(old, name, src_dir_fd=folder, dst_dir_fd=folder)


def move(path: Path, target: Path) -> None:
    """Move a file or folder into another folder, which is made where it is missing."""
    make_folder(target.parent)
    with _above(path) as (source, old, _), _above(target) as (folder, new, _):
        os.rename(old, new, src_dir_fd=source, dst_dir_fd=folder)


def add_name(path: Path, name: str) -> None:
    """Create a hard link in the same folder; FileExistsError if the name is taken."""
    with _above(path) as (folder, old, _):
        os.link(old, name, src_dir_fd=folder, dst_dir_fd=folder)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with its contents, where there is one."""
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        unlink(path, missing_ok=True)


def remove_tree(path: Path) -> None:
    """Remove a folder and its contents; of links, the links themselves.

    Raises OSError, with nothing removed, where something is mounted inside: its files are not the
    folder's.
    """
    import shutil  # noqa: PLC0415 - slow to import, and hooks do not need it

    stat(path)
    refuse_mounts(path)
    with _above(path) as (folder, name, _):
        try:
            shutil.rmtree(name, dir_fd=folder)
        except PermissionError:
            # A program may have left folders that even their owner may not read or change.
            _unlock(path)
            shutil.rmtree(name, dir_fd=folder)


def refuse_mounts(path: Path) -> None:
    """Raise OSError where something is mounted inside of the folder, or at it."""
    mounted = mounts.inside(path)
    if mounted is not None:
        raise OSError(errno.EBUSY, f"{mounted} is a mount, unmount it first", str(path))


def _unlock(path: Path) -> None:
    path.chmod(0o700)
    for folder, folders, _ in os.walk(path):
        for inner in (Path(folder, name) for name in folders):
            if not inner.is_symlink():
                inner.chmod(0o700)


def refuse_links(path: Path) -> None:
    """Raise DamagedStateError if `path` or a folder above it is a link; it may be absent.

    For files that other programs open by path: git, SQLite.
    """
    with suppress(FileNotFoundError, NotADirectoryError):
        stat(path)


def require_file(path: Path) -> None:
    """Raise DamagedStateError where something is that is no file, or a link leads there."""
    refuse_links(path)
    kind = modes.S_IFMT(stat(path).st_mode) if exists(path) else modes.S_IFREG
    if kind != modes.S_IFREG:
        raise _unfit(str(path), kind)


@contextmanager
def _above(path: Path, *, parents: bool = False) -> Iterator[tuple[int, str, int]]:
    """Yield a descriptor of the parent folder, the name in it, and O_NOFOLLOW or 0."""
    base, below = _split(str(path))
    *folders, name = below.split("/")
    if not below.startswith(".runr") and parents:
        Path(base).mkdir(parents=True, exist_ok=True)
    handle = os.open(base, _FOLDER)
    try:
        at = base.rstrip("/")
        for folder in folders:
            at = f"{at}/{folder}"
            inner = _entered(handle, folder, at, make=parents)
            os.close(handle)
            handle = inner
        yield handle, name, os.O_NOFOLLOW if below.startswith(".runr") else 0
    finally:
        os.close(handle)


def _split(path: str) -> tuple[str, str]:
    """Return the folder below which no link is followed, and the relative path in it."""
    root, mark, rest = f"{path}/".rpartition(f"{_RECORD}/")
    if mark:
        return root or "/", f".runr/{rest}".rstrip("/")
    root, _, name = path.rpartition("/")
    return root or ("/" if path.startswith("/") else "."), name


def _entered(handle: int, folder: str, at: str, *, make: bool) -> int:
    with _explained(Path(at), handle, folder):
        if make:
            with suppress(FileExistsError):
                os.mkdir(folder, dir_fd=handle)
        return os.open(folder, _FOLDER | os.O_NOFOLLOW, dir_fd=handle)


@contextmanager
def _explained(path: Path, folder: int, name: str) -> Iterator[None]:
    """Add the whole path to an OSError; raise DamagedStateError if the kind of file caused it."""
    try:
        yield
    except OSError as error:
        kind = _kind(folder, name) if _split(str(path))[1].startswith(".runr") else None
        accepted = (modes.S_IFREG, modes.S_IFDIR)
        if kind is not None and (kind not in accepted or isinstance(error, IsADirectoryError)):
            raise _unfit(str(path), kind) from None
        error.filename = str(path)
        raise


def _kind(folder: int, name: str) -> int | None:
    """Return the type of the file, as `stat.S_IFMT` does; None where there is none."""
    try:
        return modes.S_IFMT(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return None


def _unfit(path: str, kind: int) -> DamagedStateError:
    if kind == modes.S_IFLNK:
        message = f"{path} is a symbolic link, which runr does not follow: remove it"
        return DamagedStateError(message, next_steps=[commands.program("rm", path)])
    if kind == modes.S_IFDIR:
        message = f"{path} is a folder, where runr needs a file: rename it"
        return DamagedStateError(message, next_steps=[commands.program("mv", path, f"{path}.old")])
    message = f"{path} is {_NAMES.get(kind, 'a device')}, where runr needs a file: remove it"
    return DamagedStateError(message, next_steps=[commands.program("rm", path)])
