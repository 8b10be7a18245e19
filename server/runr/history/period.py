"""The period of a report: from when, until when, of which tasks and workers. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from runr.errors import UsageError
from runr.text import parse_moment as text_moment

_FORMS = "write yesterday, today, how long ago (90m, 7d), a day (2025-01-08) or a time"


class Period(NamedTuple):
    """The time from `since` to before `until`, in UTC; no worker means all of them.

    `tasks` are the paths that count, None for all; with `job_run_id` only runs of that job run.
    """

    since: str
    until: str
    workers: tuple[str, ...] = ()
    tasks: frozenset[str] | None = None
    job_run_id: str | None = None


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the moment that `text` means in the time zone of `now`; UsageError for none."""
    try:
        return text_moment(text, now)
    except ValueError:
        raise UsageError(f"{text!r} is no time: {_FORMS}") from None


def make(
    since: str,
    until: str | None,
    now: datetime,
    *,
    workers: Sequence[str] = (),
    tasks: frozenset[str] | None = None,
) -> Period:
    """Return the period between two moments as a user writes them; UsageError for an empty one."""
    begin, end = parse_moment(since, now), parse_moment(until or "now", now)
    period = Period(written(begin), written(end), tuple(workers), tasks)
    if period.since >= period.until:
        raise UsageError(f"the period is empty: it begins at {begin:%F %R} and ends at {end:%F %R}")
    return period


def written(moment: datetime) -> str:
    """Return a moment as journals write it, so that texts compare as times do."""
    read = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{read.isoformat(timespec='milliseconds')}Z"
