"""Reach what is below `.runr` without following a link.

A clone may hold links in the place of any file or folder of the record. So each name, from the
repository's root on, is opened below a handle of the folder above it. A path that is not below
`.runr` is the user's own: there links are followed as everywhere else.
"""

import os
import stat as modes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from runr.errors import DamagedStateError
from runr.next_steps import commands

_RECORD = "/.runr"
# To pass through a folder, no right to list it is needed.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC


def open_file(path: Path, flags: int, *, parents: bool = False) -> int:
    """Return a descriptor of the file; with `parents`, missing folders above it are made.

    Raises DamagedStateError where `path` or a folder below `.runr` is a link, else OSError.
    """
    with _above(path, parents=parents) as (folder, name, follow), _explained(path, folder, name):
        return os.open(name, flags | os.O_CLOEXEC | follow, 0o666, dir_fd=folder)


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
    """Open a file, made with its folders where it is missing, to write at its end."""
    handle = open_file(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, parents=True)
    return os.fdopen(handle, "a", encoding="utf-8", errors="replace")


def stat(path: Path) -> os.stat_result:
    """Return what the system knows of a file or folder."""
    with _above(path) as (folder, name, follow), _explained(path, folder, name):
        found = os.stat(name, dir_fd=folder, follow_symlinks=not follow)
    if follow and modes.S_ISLNK(found.st_mode):
        raise _linked(str(path))
    return found


def exists(path: Path) -> bool:
    """Tell whether there is a file or folder."""
    try:
        stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder."""
    return exists(path) and modes.S_ISDIR(stat(path).st_mode)


def names(path: Path) -> list[str]:
    """Return the names in a folder, in no order."""
    handle = open_file(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return os.listdir(handle)  # noqa: PTH208 - pathlib lists no handle
    finally:
        os.close(handle)


def make_folder(path: Path, *, exist_ok: bool = True) -> None:
    """Make a folder, and those above it; FileExistsError for one that may not be there."""
    with _above(path, parents=True) as (folder, name, _), _explained(path, folder, name):
        try:
            os.mkdir(name, dir_fd=folder)
        except FileExistsError:
            if not exist_ok or not is_folder(path):
                raise


def unlink(path: Path, *, missing_ok: bool = False) -> None:
    """Remove a file; a link in its place is removed itself."""
    try:
        with _above(path) as (folder, name, _):
            os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        if not missing_ok:
            raise


def rename(path: Path, name: str) -> None:
    """Give a file another name in its folder; what has that name is replaced, a link too."""
    with _above(path) as (folder, old, _):
        os.replace(old, name, src_dir_fd=folder, dst_dir_fd=folder)


def add_name(path: Path, name: str) -> None:
    """Let a file have a second name in its folder; FileExistsError where it is taken."""
    with _above(path) as (folder, old, _):
        os.link(old, name, src_dir_fd=folder, dst_dir_fd=folder)


def remove_tree(path: Path) -> None:
    """Remove a folder with all that is in it; links in it are removed themselves."""
    import shutil  # noqa: PLC0415 - a hook, which removes nothing, must not pay for it

    stat(path)
    with _above(path) as (folder, name, _):
        shutil.rmtree(name, dir_fd=folder)


def refuse_links(path: Path) -> None:
    """Raise DamagedStateError where `path` or a folder below `.runr` is a link; it may be absent.

    For what only other programs open, by its path: git, SQLite.
    """
    with suppress(FileNotFoundError, NotADirectoryError):
        stat(path)


@contextmanager
def _above(path: Path, *, parents: bool = False) -> Iterator[tuple[int, str, int]]:
    """Yield a handle of the folder, the name in it, and the flag that keeps links unfollowed."""
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
    """Return the folder from which on no link is followed, and the path below it."""
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
    """Name the whole path in errors of the system, and the link where one is in the way."""
    try:
        yield
    except OSError as error:
        if _split(str(path))[1].startswith(".runr") and _is_link(folder, name):
            raise _linked(str(path)) from None
        error.filename = str(path)
        raise


def _is_link(folder: int, name: str) -> bool:
    try:
        return modes.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _linked(path: str) -> DamagedStateError:
    return DamagedStateError(
        f"{path} is a symbolic link, which runr does not follow: remove it",
        next_steps=[commands.program("rm", path)],
    )
