"""The time of a reset in what the clients of models print."""

from datetime import UTC, datetime

import pytest

from runr.workers.usage_limit import (
    IS_USAGE_LIMIT,
    MOST_WAIT_S,
    epoch_time,
    reset_time,
    retry_after_s,
)

NOW = datetime(2026, 11, 28, 22, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "day", "time"),
    [
        ("You've hit your 5-hour limit · resets 5:31am (UTC)", 29, "05:31"),
        ("You've hit your 5-hour limit · resets 11pm (UTC)", 28, "23:00"),
        ("You've hit your weekly limit · resets 12am (Europe/Berlin)", 28, "23:00"),
        ("You've hit your limit. It resets at 12:05pm (UTC)", 29, "12:05"),
        ("You've hit your usage limit. It resets at 22:15:30 (UTC)", 28, "22:15:30"),
        ("You've hit your usage limit. It resets at 22:14:30 (UTC)", 28, "22:15"),
        ("You've hit your usage limit. It resets at 22:15 (UTC)", 28, "22:15"),
        ("You've hit your usage limit. It resets at 22:14 (UTC)", 29, "22:14"),
        ("Claude AI usage limit reached|1795910400", 29, "00:00"),
        ("You've hit your usage limit. Try again in 2 hours 5 minutes.", 29, "00:20"),
        ("You've hit your usage limit, try again in 1 day, 1 minute", 29, "22:16"),
        ("Your usage limits: you will regain access on 2026-11-30 at 00:00 UTC.", 30, "00:00"),
    ],
)
def test_the_time_that_a_client_names_is_found(text: str, day: int, time: str) -> None:
    found = reset_time(text, NOW)
    assert found
    shown = f"{found:%H:%M:%S}".removesuffix(":00")
    assert (found.tzinfo, found.day, shown) == (UTC, day, time)
    assert IS_USAGE_LIMIT.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "no limit",
        "resets 25:10 (UTC)",
        "resets 5am (Nowhere/Land)",
        "try again in a while",
        "regain access on 2026-13-40 at 00:00 UTC",
        "try again in 3000000 days",
        f"try again in {'9' * 400} days",
    ],
)
def test_without_a_time_there_is_none(text: str) -> None:
    assert reset_time(text, NOW) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Rate limit reached. Please try again in 1.5s.", 1.5),
        ("Overloaded, try again in 20 seconds", 20),
        ("429 Too Many Requests, retry-after: 30", 30),
        ("try again in 2m", 120),
        ("try again in 800ms", 0.8),
        ("try again in a while", None),
        (f"retry-after: {'9' * 400}", MOST_WAIT_S),
    ],
)
def test_the_wait_that_a_busy_service_asks_for_is_found(text: str, seconds: float | None) -> None:
    assert retry_after_s(text) == seconds


@pytest.mark.parametrize("seconds", [-1e15, 253402300799, 99999999999999, 1 << 80, float("nan")])
def test_a_number_that_is_no_time_is_no_reset(seconds: float) -> None:
    assert epoch_time(seconds) is None


def test_too_many_calls_are_no_usage_limit() -> None:
    assert not IS_USAGE_LIMIT.search("API Error: 429 rate limit exceeded")
