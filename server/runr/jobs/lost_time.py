"""The time in which nothing led a job run: its machine was off or asleep, or its process gone.

The orchestrator marks each look at its runs as the time of its lock, so that the last mark is
the last moment that it is known to have been there.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

from runr import nofollow
from runr.clock import Clock
from runr.jobs.state import JobState
from runr.storage.layout import RunFiles

Found = TypeVar("Found")

#: What a busy machine may take longer for a wait or a start.
_SLACK_S = 60.0


def mark(job_run: RunFiles, now: datetime) -> None:
    """Record that the orchestrator is there."""
    with suppress(OSError):
        handle = nofollow.open_file(job_run.lock, os.O_RDONLY)
        try:
            os.utime(handle, (now.timestamp(), now.timestamp()))
        finally:
            os.close(handle)


def last_mark(job_run: RunFiles) -> datetime | None:
    """Return the last mark; None where no orchestrator has been there."""
    with suppress(OSError):
        return datetime.fromtimestamp(nofollow.stat(job_run.lock).st_mtime, UTC)
    return None


def before_start(state: JobState, marked: datetime | None, now: datetime) -> float:
    """Return for how many seconds nothing has led a job run that has not ended."""
    known = datetime.fromisoformat(state.updated_at)
    lost = (now - max(marked or known, known)).total_seconds()
    return lost if state.result is None and lost > _SLACK_S else 0.0


def in_wait(
    job_run: RunFiles, clock: Clock, wait: Callable[[], Found], seconds: float
) -> tuple[Found, float]:
    """Wait, and return for how many seconds the machine slept meanwhile."""
    begun = clock()
    mark(job_run, begun)
    found = wait()
    beyond = (clock() - begun).total_seconds() - seconds
    return found, beyond if beyond > _SLACK_S else 0.0
