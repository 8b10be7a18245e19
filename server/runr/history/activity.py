"""What happened day by day, for charts: by week or more where the period is long. Pure."""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import accumulate, pairwise
from typing import NamedTuple

from runr.clock import HERE
from runr.history import period
from runr.history.figures import ChangeRow

#: As many parts of a period there are at most, but for those of the longest kind.
MOST = 106
#: The days of a year, and the part of one that a period of 365 days begins with.
YEAR = 367
_DAYS = (1, 7, 28, 364)
_COUNTED = ("completed", "stopped", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityPart:
    """A day or several; `since` is in UTC.

    Of the tasks that there are now, `completed_task_count` is how many had been completed at its
    end, also before the period, and `task_count` how many there were then.
    """

    since: str
    completed_count: int
    stopped_count: int
    failed_count: int
    completed_task_count: int
    task_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The parts of a period, each `days` long, from its first change to its end."""

    days: int = 1
    parts: list[ActivityPart] = field(default_factory=list)


def begins(first: datetime, end: datetime, most: int = MOST) -> tuple[int, list[datetime]]:
    """Return how many days each part has, and the local midnights at which they begin."""
    day = first.astimezone().date()
    past = (end.astimezone() - timedelta(microseconds=1)).date() - day
    days = next((each for each in _DAYS if past.days < each * most), _DAYS[-1])
    # Where the clocks are changed at midnight, `astimezone()` puts it into the day before.
    return days, [
        datetime.combine(day + timedelta(days=each), time(), HERE)
        for each in range(0, past.days + 1, days)
    ]


class Moments(NamedTuple):
    """When what happened, and when each task was completed first: all in order.

    `added` is when tasks came into being, and `earlier` how many there were before; of these,
    `completed_earlier` had been completed.
    """

    times: Mapping[str, Sequence[str]]
    first_completed: Sequence[str]
    added: Sequence[str] = ()
    earlier: int = 0
    completed_earlier: int = 0


def moments(
    changes: Sequence[ChangeRow],
    tasks: Collection[str],
    added: Sequence[str] = (),
    completed_before: Collection[str] = (),
) -> Moments:
    """Return the moments of changes that are in the order of their times.

    Some of the tasks were `added` in the period.
    """
    times: dict[str, list[str]] = {kind: [] for kind in _COUNTED}
    first: dict[str, str] = {}
    before = set(tasks) & set(completed_before)
    for row in changes:
        if row.change in times:
            times[row.change].append(row.time)
            if row.change == "completed" and row.task in tasks and row.task not in before:
                first.setdefault(row.task, row.time)
    earlier = len(tasks) - len(added)
    return Moments(times, sorted(first.values()), sorted(added), earlier, len(before))


def activity(found: Moments, end: datetime, most: int = MOST) -> Activity:
    """Return what the moments come to; the parts are the shortest of which at most `most` are."""
    counted = [at for times in found.times.values() for at in (*times[:1], *times[-1:])]
    if not counted:
        return Activity()
    first, last = (datetime.fromisoformat(pick(counted)) for pick in (min, max))
    days, starts = begins(first, max(end, last + timedelta(microseconds=1)), most)
    cuts = [period.written(start) for start in starts[1:]]
    counts = {kind: _between(times, cuts) for kind, times in found.times.items()}
    return Activity(
        days=days,
        parts=[
            ActivityPart(
                since=f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                completed_count=counts["completed"][place],
                stopped_count=counts["stopped"][place],
                failed_count=counts["failed"][place],
                completed_task_count=found.completed_earlier + done,
                task_count=found.earlier + added,
            )
            for place, (start, done, added) in enumerate(
                zip(
                    starts,
                    accumulate(_between(found.first_completed, cuts)),
                    accumulate(_between(found.added, cuts)),
                    strict=True,
                )
            )
        ],
    )


def _between(times: Sequence[str], cuts: Sequence[str]) -> list[int]:
    """Return how many of the times, in order, are before the first cut, before the next, …."""
    places = [0, *(bisect_left(times, cut) for cut in cuts), len(times)]
    return [after - before for before, after in pairwise(places)]
