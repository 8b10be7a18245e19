"""Finding and reading task files without ever leaving the repository."""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from runr.storage.layout import TASKS, Layout
from runr.tasks.model import Problem

SIZE_LIMIT = 1024 * 1024

# Control characters, bytes that are not UTF-8 (as Python decodes them), and marks that turn the
# direction of text.
_UNPRINTABLE = "[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"


class FoundFile(NamedTuple):
    """A task file as its folder lists it; `file` is its real path.

    A tuple, because there may be ten thousand of them. `linked` files are not
    cached: a link does not change with the file that it points to.
    """

    path: str
    file: str = ""
    mtime_ns: int = 0
    size: int = 0
    ctime_ns: int = 0
    inode: int = 0
    linked: bool = False
    problem: Problem | None = None


class FolderState(NamedTuple):
    """A folder, with the inode, size and time of change of each task file in it."""

    path: str
    state: tuple[int, int, int]
    files: tuple[tuple[str, int, int, int], ...]

    @classmethod
    def of(cls, path: str, files: Iterable[FoundFile]) -> "FolderState":
        """Return the state of a folder with the files that were found in it."""
        marks = ((f.file.rpartition("/")[2], f.inode, f.size, f.ctime_ns) for f in files)
        return cls(path, _folder_state(os.lstat(path)), tuple(marks))

    def is_unchanged(self) -> bool:
        """Tell whether folder and files are as they were; several times as fast as a walk."""
        look = os.lstat
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            if _folder_state(os.fstat(handle)) != self.state:
                return False
            for name, inode, size, ctime_ns in self.files:
                state = look(name, dir_fd=handle)
                if state.st_ctime_ns != ctime_ns or state[1] != inode or state[6] != size:
                    return False
        except OSError:
            return False
        finally:
            os.close(handle)
        return True


def _folder_state(state: os.stat_result) -> tuple[int, int, int]:
    return (state.st_ino, state.st_mtime_ns, state.st_ctime_ns)


def walk_tasks(layout: Layout, walked: list[str] | None = None) -> Iterator[FoundFile]:
    """Yield every task file below the tasks folder, in no order; dot names are left out.

    Every folder that is listed is added to `walked`.
    """
    root = os.path.realpath(layout.root)
    top = os.path.realpath(layout.tasks)
    if not is_below(root, top):
        yield _wrong(TASKS, "outside", "the tasks folder leads out of the repository")
        return
    folders = [(TASKS, top)]
    while folders:
        path, folder = folders.pop()
        if walked is not None:
            walked.append(folder)
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


def read_bounded(file: str) -> tuple[os.stat_result, bytes] | Problem:
    """Return the file's state and content, in this order, so that a later change shows."""
    try:
        # Does not follow a link that replaced the file, nor wait for the other end of a pipe.
        handle = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            state = os.fstat(handle)
            problem = _unfit(state)
            return problem or (state, _read_all(handle, state.st_size))
        finally:
            os.close(handle)
    except OSError as error:
        return Problem(code="unreadable", message=f"the file cannot be read: {error.strerror}")


def is_below(root: str, real: str) -> bool:
    """Tell whether `real` is `root` or below it; both are real paths."""
    return real == root or real.startswith(root.rstrip("/") + "/")


def _read_all(handle: int, size: int) -> bytes:
    """Read up to the size limit; a file that grows meanwhile is read on."""
    content = os.read(handle, size + 1)
    if len(content) == size:
        return content
    pieces = [content]
    left = SIZE_LIMIT - len(content)
    while left > 0 and (piece := os.read(handle, left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _look(root: str, path: str, entry: os.DirEntry[str]) -> FoundFile | None:
    try:
        if not path.isprintable() and re.search(_UNPRINTABLE, path):
            message = "the name holds bytes that cannot be shown: rename the file"
            return _wrong(path, "bad_name", message)
        linked = entry.is_symlink()
        file = os.path.realpath(entry.path) if linked else entry.path
        if linked and not is_below(root, file):
            return _wrong(path, "outside", "the link leads out of the repository")
        state = Path(file).stat() if linked else entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        # Either it was removed meanwhile, or it is a link to nothing.
        if not entry.is_symlink():
            return None
        return _wrong(path, "unreadable", "the link leads to nothing")
    except OSError as error:
        return _wrong(path, "unreadable", f"the file cannot be read: {error.strerror}")
    return FoundFile(
        path,
        file,
        state.st_mtime_ns,
        state.st_size,
        state.st_ctime_ns,
        state.st_ino,
        linked,
        _unfit(state),
    )


def _unfit(state: os.stat_result) -> Problem | None:
    if stat.S_ISREG(state.st_mode):
        if state.st_size <= SIZE_LIMIT:
            return None
        message = f"the file is larger than {SIZE_LIMIT // 1024} KiB: shorten it"
        return Problem(code="too_large", message=message)
    if stat.S_ISDIR(state.st_mode):
        return Problem(code="folder", message="a folder cannot be a task: rename it")
    return Problem(code="no_file", message="this is a pipe, socket or device: remove it")


def _wrong(path: str, code: str, message: str) -> FoundFile:
    return FoundFile(
        path=re.sub(_UNPRINTABLE, _escaped, path), problem=Problem(code=code, message=message)
    )


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
