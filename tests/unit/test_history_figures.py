from datetime import UTC, datetime, timedelta, timezone

import pytest

from runr.errors import UsageError
from runr.history import figures, period
from runr.history.figures import FlakyRow, Rate, Spread, UsedRow
from runr.runs.model import Usage

#: Half past two in the night, where the day is two hours ahead of UTC.
NOW = datetime(2025, 1, 8, 2, 30, tzinfo=timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yesterday", datetime(2025, 1, 6, 22, tzinfo=UTC)),
        ("today", datetime(2025, 1, 7, 22, tzinfo=UTC)),
        ("7d", datetime(2025, 1, 1, 0, 30, tzinfo=UTC)),
        ("90m", datetime(2025, 1, 7, 23, tzinfo=UTC)),
        ("2025-01-02", datetime(2025, 1, 1, 22, tzinfo=UTC)),
        ("2025-01-02T10:00:00Z", datetime(2025, 1, 2, 10, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_the_zone_of_the_user(text: str, expected: datetime) -> None:
    assert period.parse_moment(text, NOW) == expected


@pytest.mark.parametrize(("since", "until"), [("soon", None), ("today", "yesterday"), ("1d", "x")])
def test_what_is_no_period_is_refused(since: str, until: str | None) -> None:
    with pytest.raises(UsageError):
        period.make(since, until, NOW)


def test_a_period_is_written_so_that_it_compares_with_the_times_of_journals() -> None:
    made = period.make("yesterday", "today", NOW, workers=["script"], tasks=frozenset({"a"}))
    assert (made.since, made.until) == ("2025-01-06T22:00:00.000Z", "2025-01-07T22:00:00.000Z")


@pytest.mark.parametrize(
    ("values", "median", "p90"),
    [
        ([], None, None),
        ([5], 5, 5),
        ([10, 0], 5, 10),
        ([30, 10, 20], 20, 30),
        (range(101), 50, 90),
        ([0, 0, 100, 900], 50, 900),
        ([0.26, 0.26], 0.3, 0.3),
        ([1, 1.14], 1.1, 1.1),
    ],
)
def test_the_median_and_within_what_nine_of_ten_are(
    values: list[float], median: float | None, p90: float | None
) -> None:
    assert figures.spread(list(values)) == Spread(count=len(values), median=median, p90=p90)


def test_a_rate_of_nothing_has_no_share() -> None:
    assert figures.rate(0, 0) == Rate(count=0, of=0, share=None)
    assert figures.rate(2, 3) == Rate(count=2, of=3, share=0.667)


def test_reasons_are_counted_with_the_most_frequent_first() -> None:
    found = figures.most_frequent(["b", "c", "a", "c"])
    assert list(found.items()) == [("c", 2), ("a", 1), ("b", 1)]


def test_the_most_expensive_worker_comes_first_and_unknown_costs_stay_unknown() -> None:
    rows = [
        UsedRow("script", "", 1, Usage(None, 1, 2, 0)),
        UsedRow("claude-code", "big", 2, Usage(0.75, 12, 24, 3)),
    ]
    found = figures.by_worker(rows)
    assert [(row.worker, row.model, row.runs, row.cost_usd, row.input_tokens) for row in found] == [
        ("claude-code", "big", 2, 0.75, 12),
        ("script", "", 1, None, 1),
    ]
    assert figures.cost(found) == 0.75
    assert figures.cost(found[1:]) is None


def test_the_flakiest_checks_come_first() -> None:
    rows = [
        FlakyRow("a", "script", "x", 1, 1),
        FlakyRow("a", "script", "y", 3, 2),
        FlakyRow("b", "script", "y", 1, 1),
    ]
    found = figures.flaky(rows, 1)
    assert [(row.command, row.passed, row.failed, row.tasks) for row in found] == [
        ("y", 4, 3, ["a", "b"])
    ]
