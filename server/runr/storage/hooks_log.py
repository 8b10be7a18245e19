"""The log of hooks that failed, or were killed at their time limit: `.runr/hooks.log`.

A hook that is killed cannot say so. While it works, it holds the lock of a file with its start; the
next one finds a file that no process holds, and logs it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runr import nofollow
from runr.clock import Clock, format_utc
from runr.errors import RunrError
from runr.storage import files
from runr.storage.layout import Layout

#: The log is begun again above this size, in bytes.
_MAX_SIZE = 64 * 1024

#: How many characters of an error are logged.
_MESSAGE_LENGTH = 500

_PREFIX = "hook-"

_KILLED = "killed before it had an answer, at its time limit or by a signal"


def log_error(layout: Layout, event: str, error: Exception, clock: Clock) -> None:
    """Log what went wrong in a hook."""
    first = (str(error).splitlines() or [""])[0][:_MESSAGE_LENGTH]
    _write(layout, f"{format_utc(clock())} {event}: {type(error).__name__}: {first}")


@contextmanager
def watched(layout: Layout, event: str, clock: Clock) -> Iterator[None]:
    """Leave a file while the hook works, and log those that killed hooks have left."""
    with suppress(OSError, RunrError):
        log_killed(layout)
    started = layout.status_lock.with_name(f"{_PREFIX}{os.getpid()}")
    lock: int | None = None
    with suppress(OSError, RunrError):
        lock = nofollow.open_file(started, os.O_RDWR | os.O_CREAT | os.O_TRUNC, parents=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.write(lock, f"{format_utc(clock())} {event}".encode())
    try:
        yield
    finally:
        if lock is not None:
            with suppress(OSError, RunrError):
                nofollow.unlink(started, missing_ok=True)
            os.close(lock)


def log_killed(layout: Layout) -> None:
    """Log the hooks that were killed before they had an answer, each once."""
    folder = layout.status_lock.parent
    if not nofollow.is_folder(folder):
        return
    for name in nofollow.names(folder):
        if name.startswith(_PREFIX):
            _log_if_killed(layout, folder / name)


def killed_since(layout: Layout, earliest: str) -> list[tuple[str, str]]:
    """Return when each killed hook was started, and for which event, from `earliest` on."""
    lines = [line.decode("utf-8", "replace") for line in files.lines(layout.hooks_log)]
    starts = [line.removesuffix(f": {_KILLED}") for line in lines if line.endswith(_KILLED)]
    found = [(time, event) for time, _, event in (start.partition(" ") for start in starts)]
    return [(time, event) for time, event in found if time >= earliest]


def _log_if_killed(layout: Layout, started: Path) -> None:
    # Without content it is just being made.
    text = nofollow.read(started).decode("utf-8", "replace")
    if text and not files.is_held(started):
        _write(layout, f"{text}: {_KILLED}")
        nofollow.unlink(started, missing_ok=True)


def _write(layout: Layout, line: str) -> None:
    log = layout.hooks_log
    with suppress(OSError, RunrError):
        if nofollow.exists(log) and nofollow.stat(log).st_size > _MAX_SIZE:
            nofollow.unlink(log)
        with nofollow.append_text(log) as file:
            file.write(f"{line}\n")
