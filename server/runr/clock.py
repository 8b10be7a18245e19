"""The current time, and the format of times in files and answers.

Functions that need the time take a `Clock`, so that tests can set it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

Clock = Callable[[], datetime]


class LocalZone(tzinfo):
    """The time zone of the machine: each moment has the offset of its own day.

    That of `datetime.astimezone()` without a zone is the same on every day.
    """

    def utcoffset(self, when: datetime | None, /) -> timedelta | None:
        """Return the offset at a time of day here."""
        return None if when is None else when.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, _: datetime | None, /) -> None:
        """Return that it is not known which part of the offset is for the summer."""

    def tzname(self, when: datetime | None, /) -> str | None:
        """Return the name of the zone at a time of day here."""
        return None if when is None else when.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, when: datetime, /) -> datetime:
        """Return the same moment here, in an hour that comes twice with the right fold."""
        here = when.replace(tzinfo=UTC).astimezone()
        found = here.replace(tzinfo=self)
        return found if found.utcoffset() == here.utcoffset() else found.replace(fold=1)


HERE = LocalZone()


def utc_now() -> datetime:
    """Return the time of day in UTC."""
    return datetime.now(UTC)


def format_utc(now: datetime) -> str:
    """Return `now` (in UTC) to the second, with a Z: `2025-01-08T14:35:22Z`."""
    return f"{now.replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def seconds_to_utc(seconds: str) -> str:
    """Return a time in seconds since 1970, as git writes it, in the form of `format_utc`."""
    return format_utc(datetime.fromtimestamp(int(seconds), UTC))
