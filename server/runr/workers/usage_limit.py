"""When a usage limit resets, or a busy service may be asked again, as clients print it. Pure."""

import re
from datetime import MAXYEAR, UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

#: Sentences about an account that has used what it may use in a time, not about too many calls.
IS_USAGE_LIMIT = re.compile(r"hit your .{0,40}\blimit|usage limit", re.IGNORECASE)

_EPOCH = re.compile(r"\|(\d{10})\b")
_DAY = re.compile(
    r"\b(?:access|resets?|try again) on (\d{4}-\d\d-\d\d)(?: at|T|,)? ?"
    r"(\d\d:\d\d(?::\d\d)?) ?(?:UTC|Z)\b",
    re.IGNORECASE,
)
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
#: No service is asked to wait longer: what a client prints could be any number.
MOST_WAIT_S = 366 * 86400.0
_NOON = 12


def reset_time(text: str, now: datetime) -> datetime | None:
    """Return the time of the reset that `text` names, in UTC; None where it names none.

    Claude Code prints `resets 5:31am (UTC)`, older versions the seconds since 1970, Codex
    `try again in 2 hours 5 minutes`, and a key with a limit of its own `regain access on
    2027-01-01 at 00:00 UTC`. A time of day is the next one; the minute that `now` is
    in has come, and is not that of tomorrow.
    """
    if found := _EPOCH.search(text):
        return epoch_time(int(found[1]))
    if found := _DAY.search(text):
        return _on(found)
    if found := _IN.search(text):
        return _after(found[1], now)
    found = _AT.search(text)
    return _next(found, now) if found else None


def epoch_time(seconds: float) -> datetime | None:
    """Return the time that is `seconds` after 1970; None where there is none to wait for."""
    try:
        time = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return time if time.year < MAXYEAR else None


def _on(found: re.Match[str]) -> datetime | None:
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
    except ValueError:
        return None


def _after(wait: str, now: datetime) -> datetime | None:
    parts = {f"{unit}s": int(number) for number, unit in _PART.findall(wait)}
    try:
        return epoch_time((now + timedelta(**parts)).timestamp())
    except OverflowError:
        return None


def retry_after_s(text: str) -> float | None:
    """Return how many seconds a busy service asks to wait in `text`; None where it does not."""
    found = _HINT.search(text)
    if found is None:
        return None
    unit = (found[2] or "s").lower()
    return min(float(found[1]) * _UNITS["ms" if unit == "ms" else unit[0]], MOST_WAIT_S)


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
