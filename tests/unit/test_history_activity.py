"""What happened day by day: how a period is cut, and what counts."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from runr.history import activity, period
from runr.history.activity import Activity
from runr.history.figures import ChangeRow

END = datetime(2025, 1, 9, 12, tzinfo=UTC)


def change(
    task: str, time: str, kind: Literal["completed", "stopped", "failed", "reset"]
) -> ChangeRow:
    return ChangeRow(task, time, kind, None, None, 0.0, None)


def made(changes: list[ChangeRow], end: datetime) -> Activity:
    return activity.activity(activity.moments(changes, {row.task for row in changes}), end)


CHANGES = [
    change("a", "2025-01-06T08:00:00.000Z", "completed"),
    change("b", "2025-01-06T09:00:00.000Z", "stopped"),
    change("b", "2025-01-08T09:00:00.000Z", "completed"),
    change("a", "2025-01-08T10:00:00.000Z", "reset"),
    change("a", "2025-01-08T11:00:00.000Z", "completed"),
    change("c", "2025-01-08T12:00:00.000Z", "failed"),
]
#: The last is one to which nothing has happened.
TASKS = [*"abcdefghij"]


def test_each_day_has_its_counts_and_the_tasks_completed_until_its_end() -> None:
    found = made(CHANGES, END)
    assert found.days == 1
    assert [
        (part.completed_count, part.stopped_count, part.failed_count, part.completed_task_count)
        for part in found.parts
    ] == [(1, 1, 0, 1), (0, 0, 0, 1), (2, 0, 1, 2), (0, 0, 0, 2)]


def test_each_day_has_as_many_tasks_as_there_were_at_its_end() -> None:
    added = ["2025-01-08T09:00:00.000Z", "2025-01-07T12:00:00.000Z", "2025-01-09T23:00:00.000Z"]
    found = activity.activity(activity.moments(CHANGES, TASKS, added), END)
    assert [part.task_count for part in found.parts] == [7, 8, 9, 10]


def test_a_task_counts_from_its_first_completion_on_and_only_while_there_is_one() -> None:
    there = [*"bcdefghij"]
    found = activity.moments(CHANGES, there, completed_before=["a", "d"])
    counted = [part.completed_task_count for part in activity.activity(found, END).parts]
    assert counted == [1, 1, 2, 2]
    again = activity.moments(CHANGES, there, completed_before=["b"])
    counted = [part.completed_task_count for part in activity.activity(again, END).parts]
    assert counted == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2025-03-30"),
        # Here the clocks go forward at midnight, and back to it.
        ("America/Santiago", "2025-09-07"),
        ("Africa/Cairo", "2024-04-26"),
        ("America/Havana", "2025-11-02"),
    ],
)
def test_a_day_begins_at_its_midnight_where_the_clocks_are_changed(
    zone: str, day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))
        first = noon - timedelta(days=3)
        hours = [first.astimezone(UTC) + timedelta(hours=each, minutes=30) for each in range(150)]
        wanted = Counter(f"{each.astimezone(ZoneInfo(zone)):%F}" for each in hours)
        changes = [change("a", period.written(each), "completed") for each in hours]
        found = {
            f"{datetime.fromisoformat(part.since).astimezone(ZoneInfo(zone)):%F}": part
            for part in made(changes, hours[-1]).parts
        }
    finally:
        monkeypatch.undo()
        time.tzset()
    assert {each: part.completed_count for each, part in found.items()} == wanted


def test_nothing_that_counts_is_no_activity() -> None:
    assert made([CHANGES[3]], END) == Activity()


@pytest.mark.parametrize(
    ("days", "each", "parts"),
    [(106, 1, 106), (107, 7, 16), (365, 7, 53), (1000, 28, 36), (36_500, 364, 101)],
)
def test_a_longer_period_has_longer_parts(days: int, each: int, parts: int) -> None:
    length, starts = activity.begins(END, END + timedelta(days=days - 1))
    assert (length, len(starts)) == (each, parts)
    assert all(start.hour == start.minute == 0 for start in starts)


def test_a_change_at_the_end_or_after_it_is_in_the_last_part() -> None:
    found = made(CHANGES[:2], datetime(2025, 1, 6, 9, tzinfo=UTC))
    assert [(part.completed_count, part.stopped_count) for part in found.parts] == [(1, 1)]
    midnight = datetime(2025, 1, 7).astimezone()
    at = period.written(midnight)
    late = made([*CHANGES[:1], change("b", at, "stopped"), change("c", at, "failed")], midnight)
    assert [(part.stopped_count, part.failed_count) for part in late.parts] == [(0, 0), (1, 1)]
    assert [part.completed_task_count for part in late.parts] == [1, 1]


def test_a_period_that_ends_at_midnight_has_no_part_of_the_next_day() -> None:
    midnight = datetime(2025, 1, 7).astimezone()
    assert len(activity.begins(midnight - timedelta(hours=1), midnight)[1]) == 1
    assert len(activity.begins(midnight, midnight + timedelta(microseconds=1))[1]) == 1
    assert len(activity.begins(midnight, midnight + timedelta(days=1, microseconds=1))[1]) == 2


def test_parts_of_a_year_are_the_longest() -> None:
    assert activity.begins(END, END + timedelta(days=60_000))[0] == 364


def test_a_period_goes_on_to_its_last_change() -> None:
    early = datetime(2025, 1, 6, 9, tzinfo=UTC)
    assert len(made(CHANGES[:3], early).parts) == 3
    assert len(made([*CHANGES[:2], CHANGES[-1]], early).parts) == 3
    assert len(made([CHANGES[0], *CHANGES[2:]], early).parts) == 3
