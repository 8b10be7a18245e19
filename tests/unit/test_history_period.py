"""The moments and periods that a user may write."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from runr.errors import UsageError
from runr.history import period

#: In a zone of its own, so that a day begins where its user is.
NOW = datetime(2025, 1, 8, 15, 30, 20, 5, timezone(timedelta(hours=5)))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("Today", datetime(2025, 1, 8, tzinfo=NOW.tzinfo)),
        ("yesterday", datetime(2025, 1, 7, tzinfo=NOW.tzinfo)),
        ("90m", NOW - timedelta(minutes=90)),
        ("2025-01-02", datetime(2025, 1, 2, tzinfo=NOW.tzinfo)),
        (" 2025-01-02T08:00+00:00 ", datetime(2025, 1, 2, 13, tzinfo=NOW.tzinfo)),
    ],
)
def test_a_moment_is_read_in_the_zone_of_the_user(text: str, moment: datetime) -> None:
    assert period.parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["soon", "2025-13-01", "9999999999d", "0001-01-01"])
def test_what_is_no_moment_is_named_with_what_can_be_written(text: str) -> None:
    with pytest.raises(UsageError, match=f"'{text}' is no time: write yesterday"):
        period.parse_moment(text, NOW)


@pytest.mark.parametrize("since", ["now", "2025-01-09"])
def test_a_period_that_has_no_time_in_it_is_refused(since: str) -> None:
    with pytest.raises(UsageError, match="the period is empty"):
        period.make(since, None, NOW)


def test_a_period_is_kept_in_utc() -> None:
    early = period.make("0999-01-01T05:00", None, NOW)
    assert early.since == "0999-01-01T00:00:00.000Z"
    made = period.make("today", None, NOW)
    assert made[:2] == ("2025-01-07T19:00:00.000Z", "2025-01-08T10:30:20.000Z")


def test_a_day_begins_at_midnight_where_the_clocks_are_changed() -> None:
    now = datetime(2025, 1, 8, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    assert period.make("2024-03-31", "2024-04-01", now)[:2] == (
        "2024-03-30T23:00:00.000Z",
        "2024-03-31T22:00:00.000Z",
    )
    after = datetime(2024, 10, 27, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    assert period.make("today", None, after)[:2] == (
        "2024-10-26T22:00:00.000Z",
        "2024-10-27T11:00:00.000Z",
    )
    assert period.make("12h", None, after)[0] == "2024-10-26T23:00:00.000Z"
