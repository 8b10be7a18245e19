"""A queue that processes wait in: first come, first served, and free where an owner dies.

Each process in the queue has a numbered ticket, a file that is locked while its owner lives. A
ticket without an owner belonged to a process that died, and is removed by those behind it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runr import nofollow
from runr.storage import files

#: Held only while tickets are made, looked at and removed.
_DOOR = "door"

#: Seconds between two looks at who comes first.
PAUSE_S = 0.05


class Ticket:
    """A place in the queue of a folder, from its making to `close`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with files.locked(folder / _DOOR):
            self._number = max(self._numbers(), default=0) + 1
            self._lock = self._held(self._number)

    def is_first(self) -> bool:
        """Tell whether those who came earlier are done, or dead."""
        with files.locked(self._folder / _DOOR):
            for number in sorted(self._numbers()):
                if number >= self._number:
                    return True
                if not self._remove_if_dead(number):
                    return False
        return True

    def close(self) -> None:
        """Leave the queue."""
        if self._lock is None:
            return
        with files.locked(self._folder / _DOOR):
            nofollow.unlink(self._file(self._number), missing_ok=True)
            os.close(self._lock)
        self._lock = None

    def _remove_if_dead(self, number: int) -> bool:
        lock = self._held(number)
        if lock is None:
            return False
        nofollow.unlink(self._file(number), missing_ok=True)
        os.close(lock)
        return True

    def _held(self, number: int) -> int | None:
        return files.hold(self._file(number), patience_s=0)

    def _numbers(self) -> Iterator[int]:
        return (int(name) for name in nofollow.names(self._folder) if name.isdecimal())

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:06}"


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Wait until it is our turn, and keep those behind us waiting."""
    ticket = Ticket(folder)
    try:
        while not ticket.is_first():
            time.sleep(PAUSE_S)
        yield
    finally:
        ticket.close()
