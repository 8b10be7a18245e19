"""What happened day by day: how a period is cut, and what counts."""

from datetime import UTC, datetime, timedelta

import pytest

from runr.history import activity

END = datetime(2025, 1, 9, 12, tzinfo=UTC)
CHANGES = [
    ("a", "2025-01-06T08:00:00.000Z", "completed"),
    ("b", "2025-01-06T09:00:00.000Z", "stopped"),
    ("b", "2025-01-08T09:00:00.000Z", "completed"),
    ("a", "2025-01-08T10:00:00.000Z", "reset"),
    ("a", "2025-01-08T11:00:00.000Z", "completed"),
    ("c", "2025-01-08T12:00:00.000Z", "failed"),
]


def test_each_day_has_its_counts_and_the_tasks_completed_until_its_end() -> None:
    found = activity.activity(CHANGES, END)
    assert found.days == 1
    assert [
        (part.completed_count, part.stopped_count, part.failed_count, part.completed_task_count)
        for part in found.parts
    ] == [(1, 1, 0, 1), (0, 0, 0, 1), (2, 0, 1, 2), (0, 0, 0, 2)]


def test_nothing_that_counts_is_no_activity() -> None:
    assert activity.activity([CHANGES[3]], END) == activity.Activity()


@pytest.mark.parametrize(
    ("days", "each", "parts"),
    [(106, 1, 106), (107, 7, 16), (365, 7, 53), (1000, 28, 36), (36_500, 364, 101)],
)
def test_a_longer_period_has_longer_parts(days: int, each: int, parts: int) -> None:
    length, starts = activity.begins(END, END + timedelta(days=days - 1))
    assert (length, len(starts)) == (each, parts)
    assert all(start.hour == start.minute == 0 for start in starts)
