"""What happened day by day, for charts: by week or more where the period is long. Pure."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

#: As many parts of a period there are at most, but for those of the longest kind.
MOST = 106
_DAYS = (1, 7, 28, 364)
_COUNTED = ("completed", "stopped", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityPart:
    """A day or several; `since` is in UTC.

    `completed_task_count` is how many tasks of the period had been completed at its end.
    """

    since: str
    completed_count: int
    stopped_count: int
    failed_count: int
    completed_task_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The parts of a period, each `days` long, from its first change to its end."""

    days: int = 1
    parts: list[ActivityPart] = field(default_factory=list)


def begins(first: datetime, end: datetime) -> tuple[int, list[datetime]]:
    """Return how many days each part has, and the local midnights at which they begin."""
    day = first.astimezone().date()
    past = (end.astimezone() - timedelta(microseconds=1)).date() - day
    days = next((each for each in _DAYS if past.days < each * MOST), _DAYS[-1])
    return days, [
        datetime.combine(day + timedelta(days=each), time()).astimezone()
        for each in range(0, past.days + 1, days)
    ]


def activity(changes: Iterable[tuple[str, str, str]], end: datetime) -> Activity:
    """Return what `changes` come to: task, time and what happened, in the order of the times."""
    counted = [
        (task, datetime.fromisoformat(at), what) for task, at, what in changes if what in _COUNTED
    ]
    if not counted:
        return Activity()
    days, starts = begins(counted[0][1], max(end, counted[-1][1] + timedelta(microseconds=1)))
    counts = [dict.fromkeys(_COUNTED, 0) for _ in starts]
    first_completed: dict[str, int] = {}
    for task, at, what in counted:
        place = bisect_right(starts, at) - 1
        counts[place][what] += 1
        if what == "completed":
            first_completed.setdefault(task, place)
    places = sorted(first_completed.values())
    return Activity(
        days=days,
        parts=[
            ActivityPart(
                since=f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                completed_count=counts[place]["completed"],
                stopped_count=counts[place]["stopped"],
                failed_count=counts[place]["failed"],
                completed_task_count=bisect_right(places, place),
            )
            for place, start in enumerate(starts)
        ],
    )
