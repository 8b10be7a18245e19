"""The current time, and the format of times in files and answers.

Functions that need the time take a `Clock`, so that tests can set it.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time of day in UTC."""
    return datetime.now(UTC)


def format_utc(now: datetime) -> str:
    """Return `now` (in UTC) to the second, with a Z: `2025-01-08T14:35:22Z`."""
    return f"{now:%Y-%m-%dT%H:%M:%SZ}"


def seconds_to_utc(seconds: str) -> str:
    """Return a time in seconds since 1970, as git writes it, in the form of `format_utc`."""
    return format_utc(datetime.fromtimestamp(int(seconds), UTC))
