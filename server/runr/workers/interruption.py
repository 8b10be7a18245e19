"""Work that another thread can interrupt: its programs end at once, and it goes no further."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from runr.workers.process_tree import end_tree

#: Seconds that an interrupted program has to end by itself; Claude Code waits half of one.
GRACE_S = 0.1

_current: ContextVar["Interruption | None"] = ContextVar("interruption", default=None)
_all: set["Interruption"] = set()


class InterruptedWorkError(Exception):
    """The work was interrupted; it is in no one's interest any more how it would have ended."""


class Interruption:
    """May come at any time, from any thread, to the work that is done within `applied`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requested = False
        self._programs: dict[int, str] = {}

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let it come to what is done in this context, and in the event loops that it runs."""
        token = _current.set(self)
        _all.add(self)
        try:
            yield
        finally:
            _all.discard(self)
            _current.reset(token)

    def request(self, grace_s: float = GRACE_S) -> None:
        """End the programs, and let the work raise InterruptedWorkError."""
        with self._lock:
            self._requested = True
            running = dict(self._programs)
        for leader, marker in running.items():
            end_tree(leader, marker, grace_s=grace_s)

    def check(self) -> None:
        """Raise InterruptedWorkError if it was requested."""
        if self._requested:
            raise InterruptedWorkError

    @contextmanager
    def over(self, leader: int, marker: str) -> Iterator[bool]:
        """Let it end this program; yield whether it was requested before."""
        with self._lock:
            self._programs[leader] = marker
            requested = self._requested
        try:
            yield requested
        finally:
            with self._lock:
                del self._programs[leader]


def current() -> Interruption:
    """Return what may come to the work that is being done here."""
    return _current.get() or Interruption()


def request_all() -> None:
    """Interrupt all work of this process, which is about to end: its programs are killed."""
    for each in tuple(_all):
        each.request(grace_s=0)
