"""Lengths of time as people write them: `90`, `45m`, `1h30m`."""

import re

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+)\s*([smhd]?)")
# A number without a unit stands alone: nobody knows what `1h30` means.
_WHOLE = re.compile(r"\d+|(?:\d+\s*[smhd]\s*)+", re.ASCII)


def seconds(text: object) -> int:
    """Return the seconds that `text` stands for; ValueError says what is accepted."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    value = str(text).strip().lower()
    if _WHOLE.fullmatch(value) is None:
        msg = f"{text!r} is not a length of time: write seconds, or 90s, 45m, 1h30m, 2d"
        raise ValueError(msg)
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(value))


def spoken(count: float) -> str:
    """Return `count` seconds as people read them: 4.2s, 3m 05s, 1h 02m."""
    if round(count, 1) < _UNITS["m"]:
        return f"{count:.1f}s"
    minutes, rest = divmod(round(count), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02d}m" if hours else f"{minutes}m {rest:02d}s"
