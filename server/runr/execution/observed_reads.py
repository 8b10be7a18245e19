"""Which files programs open in a checkout while they run, as Linux reports it with inotify.

A folder reports which of its entries are opened, by whatever path, mount or link. Folders that are
made meanwhile are not looked at.
"""

import ctypes
import os
import select
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

_OPEN, _MOVED_AWAY, _OVERFLOW, _IS_FOLDER = 0x20, 0x40, 0x4000, 0x40000000
_ONLY_FOLDER, _NO_LINK = 0x01000000, 0x02000000
_EVENT = struct.Struct("iIII")
_MOST_BYTES = 1 << 18


@dataclass(slots=True)
class Reads:
    """The files that were opened and the folders that were listed; not all if not `complete`."""

    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    complete: bool = True


@contextmanager
def observe(root: Path, folders: Iterable[str]) -> Iterator[Reads]:
    """Yield the reads in these folders, by their path in `root`; they are complete afterwards."""
    reads = Reads()
    handle = _begin()
    if handle is None:
        reads.complete = False
        yield reads
        return
    stop, stopping = os.pipe()
    try:
        watched = _watch(handle, root, folders, reads)
        thread = Thread(target=_follow, args=(handle, stop, watched, reads), name="runr-reads")
        thread.start()
        try:
            yield reads
        finally:
            os.close(stopping)
            thread.join()
    finally:
        os.close(stop)
        os.close(handle)


def can_observe() -> bool:
    """Return whether this system tells which files are opened."""
    return sys.platform == "linux"


def _begin() -> int | None:
    if not can_observe():
        return None
    handle = ctypes.CDLL(None, use_errno=True).inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    return handle if handle >= 0 else None


def _watch(handle: int, root: Path, folders: Iterable[str], reads: Reads) -> dict[int, str]:
    library = ctypes.CDLL(None, use_errno=True)
    watched = {}
    for folder in folders:
        flags = _OPEN | _MOVED_AWAY | _ONLY_FOLDER | _NO_LINK
        number = library.inotify_add_watch(handle, os.fsencode(root / folder), flags)
        if number < 0:
            # The system limits the number of folders.
            reads.complete = False
        watched[number] = folder
    return watched


def _follow(handle: int, stop: int, watched: dict[int, str], reads: Reads) -> None:
    """Note what is opened until `stop` is closed at its other end, and what was until then."""
    ready: list[int] = []
    while stop not in ready:
        ready = select.select([handle, stop], [], [])[0]
        try:
            while events := os.read(handle, _MOST_BYTES):
                _note(events, watched, reads)
        except BlockingIOError:
            continue


def _note(events: bytes, watched: dict[int, str], reads: Reads) -> None:
    place = 0
    while place < len(events):
        number, kind, _, length = _EVENT.unpack_from(events, place)
        place += _EVENT.size + length
        name = os.fsdecode(events[place - length : place].rstrip(b"\0"))
        if kind & _OVERFLOW:
            reads.complete = False
        elif not kind & _IS_FOLDER:
            reads.files.add(f"{watched[number]}/{name}".removeprefix("/"))
        elif not name:
            reads.folders.add(watched[number])
