"""Finding and reading task files without ever leaving the repository."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runr.core.task import Problem
from runr.store.layout import TASKS, Layout

SIZE_LIMIT = 1024 * 1024

# Controls, bytes that are not UTF-8 (as Python hands them over), and what turns text around.
_UNSHOWABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A task file as the folder shows it; `file` is where it really lies.

    A link's own path says nothing about changes of what it leads to, so
    `linked` files are not remembered.
    """

    path: str
    file: str = ""
    mtime_ns: int = 0
    size: int = 0
    linked: bool = False
    problem: Problem | None = None


def walk(layout: Layout) -> Iterator[Found]:
    """Yield every task file below the tasks folder, in no order; dot names are left out."""
    root = os.path.realpath(layout.root)
    top = os.path.realpath(layout.tasks)
    if not is_below(root, top):
        yield _wrong(TASKS, "outside", "the tasks folder leads out of the repository")
        return
    folders = [(TASKS, top)]
    while folders:
        path, folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                listed = [entry for entry in entries if not entry.name.startswith(".")]
        except FileNotFoundError:
            continue
        except OSError as error:
            yield _wrong(path, "unreadable", f"the folder cannot be listed: {error.strerror}")
            continue
        for entry in listed:
            below = f"{path}/{entry.name}"
            if not entry.name.endswith(".md"):
                if entry.is_dir(follow_symlinks=False):
                    folders.append((below, entry.path))
            elif (found := _look(root, below, entry)) is not None:
                yield found


def read(file: str) -> tuple[os.stat_result, bytes] | Problem:
    """Return the file's state and content, in this order, so that a later change shows."""
    try:
        # Not through a link that took the file's place, and not waiting for a pipe's other end.
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            state = os.fstat(handle)
            problem = _unfit(state)
            if problem:
                return problem
            with os.fdopen(handle, "rb", closefd=False) as stream:
                return state, stream.read(SIZE_LIMIT)
        finally:
            os.close(handle)
    except OSError as error:
        return Problem(code="unreadable", message=f"the file cannot be read: {error.strerror}")


def is_below(root: str, real: str) -> bool:
    """Tell whether `real` is `root` or lies in it; both are real paths."""
    return real == root or real.startswith(root.rstrip("/") + "/")


def _look(root: str, path: str, entry: os.DirEntry[str]) -> Found | None:
    try:
        if _UNSHOWABLE.search(path):
            message = "the name holds bytes that cannot be shown: rename the file"
            return _wrong(path, "bad_name", message)
        linked = entry.is_symlink()
        file = os.path.realpath(entry.path) if linked else entry.path
        if linked and not is_below(root, file):
            return _wrong(path, "outside", "the link leads out of the repository")
        state = Path(file).stat() if linked else entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        # Either it was removed while we looked, or it is a link to nothing.
        if not entry.is_symlink():
            return None
        return _wrong(path, "unreadable", "the link leads to nothing")
    except OSError as error:
        return _wrong(path, "unreadable", f"the file cannot be read: {error.strerror}")
    return Found(
        path=path,
        file=file,
        mtime_ns=state.st_mtime_ns,
        size=state.st_size,
        linked=linked,
        problem=_unfit(state),
    )


def _unfit(state: os.stat_result) -> Problem | None:
    if stat.S_ISDIR(state.st_mode):
        return Problem(code="folder", message="a folder cannot be a task: rename it")
    if not stat.S_ISREG(state.st_mode):
        return Problem(code="no_file", message="this is a pipe, socket or device: remove it")
    if state.st_size > SIZE_LIMIT:
        message = f"the file is larger than {SIZE_LIMIT // 1024} KiB: shorten it"
        return Problem(code="too_large", message=message)
    return None


def _wrong(path: str, code: str, message: str) -> Found:
    return Found(path=_UNSHOWABLE.sub(_escaped, path), problem=Problem(code=code, message=message))


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
