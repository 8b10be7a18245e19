"""Processes that are still there: found by the folder in which they work."""

import os
import select
from collections.abc import Iterator
from pathlib import Path


def working_below(folder: Path) -> Iterator[int]:
    """Yield the other processes whose working folder is `folder` or below; none without /proc."""
    top = f"{folder}/"
    # After every test, and a machine runs hundreds of processes: strings, which cost a quarter
    # of what paths do.
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():  # noqa: PTH112, PTH208
        try:
            where = os.readlink(f"/proc/{name}/cwd")  # noqa: PTH115
        except OSError:
            continue
        if f"{where}/".startswith(top) and name.isdecimal() and int(name) != os.getpid():
            yield int(name)


def ends(pid: int, seconds: float) -> bool:
    """Wait for the end of a process, and tell whether it came in time."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(watched)
