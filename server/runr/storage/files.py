"""Locks that die with their holder, replacement that is all or nothing, appends that last.

Below `.runr` no link is followed: see `runr.nofollow`.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runr import nofollow

#: Errors of a full disk: what was done can be repeated once there is space.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock at `path`, waiting for it; the kernel frees it if we die."""
    handle = _open_lock(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


#: What is in a lock that is held for a moment, and as long as that may take.
_BRIEF, _BRIEF_S = b"brief", 15.0


def hold(path: Path, *, patience_s: float = 0.2, brief: bool = False) -> int | None:
    """Take the lock at `path` and return its descriptor, or None while another holds it.

    Whoever inherits the descriptor holds the lock too; it is free when the
    last copy is closed. What the last holder wrote into it is gone.
    `patience_s` outlasts a reader that is just looking. A holder who is `brief`, as one
    that only ends what a dead process has left, is waited for.
    """
    handle = _open_lock(path)
    begun = time.monotonic()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - begun
            if waited > patience_s and (waited > _BRIEF_S or not _is_brief(handle)):
                os.close(handle)
                return None
            time.sleep(0.01)
        else:
            os.ftruncate(handle, 0)
            if brief:
                os.pwrite(handle, _BRIEF, 0)
            return handle


def _is_brief(lock: int) -> bool:
    return os.pread(lock, len(_BRIEF), 0) == _BRIEF


def is_held(path: Path) -> bool:
    """Tell whether a living process holds the lock at `path`."""
    try:
        handle = nofollow.open_file(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def sign_lock(lock: int) -> None:
    """Write our process id into a lock that we hold."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def holder_of(path: Path) -> int | None:
    """Return the id of the living process that holds the lock, where that has signed it."""
    if not is_held(path):
        return None
    text = nofollow.read(path).decode("ascii", errors="replace").strip()
    return int(text) if text.isdecimal() else None


class ChangedMeanwhileError(Exception):
    """The file is not what it was when its new content was made."""


def replace(path: Path, data: bytes | Iterable[bytes], *, if_still: bytes | None = None) -> None:
    """Make `data`, whole or in pieces, the content of `path`, durably.

    A reader sees the old or the new, never less.

    With `if_still`, only while the file has this content; else ChangedMeanwhileError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{time.monotonic_ns()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    handle = nofollow.open_file(temporary, flags, parents=True)
    try:
        try:
            with _named(path):
                if nofollow.exists(path):
                    os.fchmod(handle, nofollow.stat(path).st_mode & 0o777)
                for piece in (data,) if isinstance(data, bytes) else data:
                    _write_all(handle, piece)
                os.fsync(handle)
        finally:
            os.close(handle)
        _expect(path, if_still)
        nofollow.rename(temporary, path.name)
    except BaseException:
        nofollow.unlink(temporary, missing_ok=True)
        raise
    sync_folder(path.parent)


def _expect(path: Path, content: bytes | None) -> None:
    if content is not None and nofollow.read(path) != content:
        raise ChangedMeanwhileError


def create(path: Path, data: bytes) -> None:
    """Make a file with `data`, durably and all at once; FileExistsError where there is one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{time.monotonic_ns()}.tmp")
    try:
        replace(temporary, data)
        # A link is refused where the name is taken, which a replacement would not be.
        nofollow.add_name(temporary, path.name)
    finally:
        nofollow.unlink(temporary, missing_ok=True)
    sync_folder(path.parent)


def append(path: Path, data: bytes) -> None:
    """Add `data` at the end of `path` and wait until it is on the disk.

    A partial line that a killed writer left is cut off first.
    """
    handle = nofollow.open_file(path, os.O_RDWR | os.O_CREAT)
    try:
        end = _whole_lines(handle)
        try:
            os.lseek(handle, end, os.SEEK_SET)
            with _named(path):
                _write_all(handle, data)
                os.ftruncate(handle, end + len(data))
                os.fsync(handle)
        except OSError:
            # A full disk must not leave half a line behind what was already recorded.
            with suppress(OSError):
                os.ftruncate(handle, end)
            raise
    finally:
        os.close(handle)


def lines(path: Path) -> list[bytes]:
    """Return the complete lines of `path`, without a torn last one; none if it is absent."""
    try:
        data = nofollow.read(path)
    except FileNotFoundError:
        return []
    return data[: data.rfind(b"\n") + 1].splitlines()


def last_line(path: Path) -> bytes:
    """Return the last complete line of `path`, without its end; empty where there is none."""
    try:
        handle = nofollow.open_file(path, os.O_RDONLY)
    except FileNotFoundError:
        return b""
    try:
        end = _whole_lines(handle)
        begin = _whole_lines(handle, end - 1) if end else 0
        return os.pread(handle, end - 1 - begin, begin) if end else b""
    finally:
        os.close(handle)


def remove_temporaries(path: Path) -> None:
    """Remove temporary files that killed writers of `path` left; call it holding their lock."""
    for name in nofollow.names(path.parent):
        if name.startswith(f".{path.name}.") and name.endswith(".tmp"):
            nofollow.unlink(path.with_name(name), missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Wait until the names in `folder` are on the disk."""
    handle = nofollow.open_file(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open_lock(path: Path) -> int:
    return nofollow.open_file(path, os.O_RDWR | os.O_CREAT, parents=True)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Name `path` in errors of the system that name no file, such as that of a full disk."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _whole_lines(handle: int, end: int | None = None) -> int:
    """Return the offset behind the last newline before `end`, by default that of the file."""
    end = os.lseek(handle, 0, os.SEEK_END) if end is None else end
    step = 64 * 1024
    while end > 0:
        start = max(0, end - step)
        found = os.pread(handle, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
