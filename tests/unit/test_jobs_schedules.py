"""Times at which jobs fire, over changes to summer time and back, and after sleep."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.errors import UsageError
from runr.jobs.schedules import Firing, Schedule, due, latest, next_after, parse

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)
TEXTS = ["30 2 * * *", "*/30 * * * *", "0 1-4 * * *", "@daily", "every 7h", "0 18 * * 1-5"]
schedules = st.sampled_from(TEXTS).map(parse)
moments = st.integers(0, 365 * 24 * 3600).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def firings(text: str, start: datetime, hours: int) -> list[str]:
    schedule, moment, found = parse(text), start, []
    while (moment := next_after(schedule, moment, BERLIN) or start) < start + timedelta(
        hours=hours
    ):
        found.append(f"{moment:%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("30 2 * * *", SPRING, ["29 01:00", "30 00:30"]),
        ("30 2 * * *", AUTUMN, ["25 00:30", "26 01:30"]),
        ("0 2 * * *", AUTUMN, ["25 00:00", "26 01:00"]),
        ("@daily", SPRING, ["28 23:00", "29 22:00"]),
        ("every 12h", SPRING, ["29 00:00", "29 12:00", "30 00:00"]),
    ],
)
def test_a_daily_job_fires_once_in_the_night_of_a_change_of_the_clocks(
    text: str, start: datetime, expected: list[str]
) -> None:
    assert firings(text, start, 40) == expected


@given(schedules, moments)
def test_the_latest_firing_is_the_one_before_the_next(schedule: Schedule, moment: datetime) -> None:
    following = next_after(schedule, moment, BERLIN)
    before = latest(schedule, moment, BERLIN)
    assert following is not None
    assert before is not None
    assert before <= moment < following
    assert next_after(schedule, before, BERLIN) == following
    assert latest(schedule, following, BERLIN) == following


@given(schedules, moments, st.lists(st.integers(-7_200, 20_000), min_size=1, max_size=60))
def test_no_firing_comes_twice_whatever_the_clock_does(
    schedule: Schedule, start: datetime, jumps: list[int]
) -> None:
    last, now, seen = start, start, []
    for jump in jumps:
        now += timedelta(seconds=jump)
        found = due(schedule, last, now, BERLIN)
        if found is not None:
            assert found.at <= now
            seen.append(found.at)
            last = found.at
    assert seen == sorted(set(seen))


def test_of_firings_that_were_missed_one_starts_or_none() -> None:
    hourly, last = parse("@hourly"), datetime(2026, 5, 1, tzinfo=UTC)
    awake = datetime(2026, 5, 3, 9, 40, tzinfo=UTC)
    at = datetime(2026, 5, 3, 9, tzinfo=UTC)
    assert due(hourly, last, awake, UTC) == Firing(at, starts=True)
    assert due(hourly, last, awake, UTC, "skip") == Firing(at, starts=False)
    assert due(hourly, at, awake, UTC) is None
    assert due(hourly, last, at + timedelta(minutes=5), UTC, "skip") == Firing(at, starts=True)
    assert due(hourly, last, at + timedelta(seconds=301), UTC, "skip") == Firing(at, starts=False)


@pytest.mark.parametrize("text", ["@hourly", "every 1h"])
@pytest.mark.parametrize(
    ("second", "hour"), [(0.0, 9), (0.5, 9), (3598.0, 9), (3599.0, 9), (3599.5, 9), (3600.0, 10)]
)
def test_a_job_does_not_fire_in_the_second_before_its_time(
    text: str, second: float, hour: int
) -> None:
    nine = datetime(2026, 5, 3, 9, tzinfo=UTC)
    found = latest(parse(text), nine + timedelta(seconds=second), UTC)
    assert found == nine.replace(hour=hour)


def test_an_interval_is_a_minute_or_longer() -> None:
    assert parse("every 60s").every_s == 60
    assert parse("every 1m").every_s == 60


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("@dayly", "did you mean @daily?"),
        ("@x", "there are @hourly, @daily"),
        ("* * * *", "five fields of cron"),
        ("0 0 1 * * *", "five fields of cron"),
        ("61 * * * *", "bad minute"),
        ("0 0 31 2 *", "bad day-of-month"),
        ("every 5", "at least a minute"),
        ("every 59s", "at least a minute"),
        ("every now and then", "not a duration"),
        ("", "five fields of cron"),
    ],
)
def test_what_is_no_schedule_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match="is no schedule") as refused:
        parse(text)
    assert says in str(refused.value)
