"""How much of the disk the worktrees of runs and the kept checkouts take.

They can be large, and anything can be in them: no link is followed, and it ends when its time is
up.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runr import nofollow
from runr.errors import DamagedStateError
from runr.storage.layout import Layout

#: Looking at all files takes no longer than this.
_SECONDS = 2.0
#: The time is looked at after this number of files.
_OFTEN = 256
#: The bytes of a block in the metadata of a file, whatever the file system's own are.
_BLOCK = 512

Seconds = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskUse:
    """The bytes on the disk; at least these where `complete` is false."""

    worktree_bytes: int = 0
    checkout_bytes: int = 0
    complete: bool = True


def measure(layout: Layout, now: Seconds = time.monotonic) -> DiskUse:
    """Return what the worktrees and the checkouts take, as far as it is found in time."""
    until = now() + _SECONDS
    worktrees, first = _sum(layout.worktrees, until, now)
    checkouts, second = _sum(layout.checkouts, until, now)
    return DiskUse(worktree_bytes=worktrees, checkout_bytes=checkouts, complete=first and second)


def _sum(folder: Path, until: float, now: Seconds) -> tuple[int, bool]:
    """Return the bytes of all files below a folder, and whether these are all."""
    total, several, complete = 0, set[tuple[int, int]](), True
    for number, state in enumerate(_states(folder)):
        if state is None:
            complete = False
            continue
        if number % _OFTEN == 0 and now() >= until:
            return total, False
        if state.st_nlink > 1:
            # A file with several names takes its place once.
            if (state.st_dev, state.st_ino) in several:
                continue
            several.add((state.st_dev, state.st_ino))
        total += state.st_blocks * _BLOCK
    return total, complete


def _states(folder: Path) -> Iterator[os.stat_result | None]:
    """Yield the metadata of each file and folder below one; None for what cannot be looked at."""
    try:
        there = nofollow.is_folder(folder)
    except DamagedStateError:
        there = False
    pending = [str(folder)] if there else []
    while pending:
        try:
            path = pending.pop()
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            yield None
            continue
        try:
            with os.scandir(handle) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        yield entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(os.path.join(path, entry.name))  # noqa: PTH118 - many
        except OSError:
            yield None
        finally:
            os.close(handle)
