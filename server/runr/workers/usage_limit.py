"""When a usage limit resets, or a busy service may be asked again, as clients print it. Pure."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: Sentences about an account that has used what it may use in a time, not about too many calls.
IS_USAGE_LIMIT = re.compile(r"hit your .{0,40}\blimit|usage limit", re.IGNORECASE)

_EPOCH = re.compile(r"\|(\d{10})\b")
_AT = re.compile(
    r"(?:resets?|try again)(?: at)? (\d{1,2})(?::(\d\d)(?::(\d\d))?)?\s*([ap]m)?"
    r"(?: \(([\w/+-]+)\))?",
    re.IGNORECASE,
)
_IN = re.compile(r"try again in ((?:\d+ (?:day|hour|minute|second)s?[ ,]*)+)", re.IGNORECASE)
_PART = re.compile(r"(\d+) (day|hour|minute|second)")
_HINT = re.compile(
    r"(?:try again in|retry[- ]after:?) (\d+(?:\.\d+)?) ?(ms|s|seconds?|m|minutes?)?\b",
    re.IGNORECASE,
)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_NOON = 12


def reset_time(text: str, now: datetime) -> datetime | None:
    """Return the time of the reset that `text` names, in UTC; None where it names none.

    Claude Code prints `resets 5:31am (UTC)`, older versions the seconds since 1970, Codex
    `try again in 2 hours 5 minutes`. A time of day is the next one; the minute that `now` is
    in has come, and is not that of tomorrow.
    """
    if found := _EPOCH.search(text):
        return datetime.fromtimestamp(int(found[1]), UTC)
    if found := _IN.search(text):
        parts = {f"{unit}s": int(number) for number, unit in _PART.findall(found[1])}
        return now.astimezone(UTC) + timedelta(**parts)
    found = _AT.search(text)
    return _next(found, now) if found else None


def retry_after_s(text: str) -> float | None:
    """Return how many seconds a busy service asks to wait in `text`; None where it does not."""
    found = _HINT.search(text)
    if found is None:
        return None
    unit = (found[2] or "s").lower()
    return float(found[1]) * _UNITS["ms" if unit == "ms" else unit[0]]


def _next(found: re.Match[str], now: datetime) -> datetime | None:
    hour, minute, second = (int(found[number] or 0) for number in (1, 2, 3))
    half, zone = found[4], found[5]
    if half:
        hour = hour % _NOON + (_NOON if half.lower() == "pm" else 0)
    try:
        # Without a zone, it is the one of this machine.
        here = now.astimezone(ZoneInfo(zone) if zone else None)
        time = here.replace(hour=hour, minute=minute, second=second, microsecond=0)
    except (ValueError, ZoneInfoNotFoundError):
        return None
    if time <= here - timedelta(minutes=1):
        time += timedelta(days=1)
    return max(time, here).astimezone(UTC)
