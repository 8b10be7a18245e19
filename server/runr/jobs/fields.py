"""The keys of a job file: their types, and the error of a value that does not fit. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from runr.errors import UsageError
from runr.jobs import schedules
from runr.tasks.frontmatter import Located
from runr.text import closest_match, parse_duration, shortened

Reader = Callable[[Located], Any]

_WHOLE = re.compile(r"\d+")
#: The largest number, and how long one may be written: a longer one is not even read.
_MOST, _LONGEST = 999_999_999, 20
_DECIMAL = re.compile(r"\d{1,9}(?:\.\d{1,6})?")
_CLOCK = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d")


class FieldError(Exception):
    """A part of a job file that cannot be used, and its line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def mapping(found: Located, known: Sequence[str], what: str) -> Mapping[str, Located]:
    """Return the keys of a mapping; FieldError names one that is not known, and the nearest."""
    if not isinstance(found.value, Mapping):
        raise FieldError(f"{what} has keys and values, as in `{known[0]}: …`", found.line)
    for key, value in found.value.items():
        if key not in known:
            near = closest_match(key, known)
            offer = f"did you mean `{near}`?" if near else f"known are {', '.join(known)}"
            raise FieldError(f"{what} has no key `{shortened(key)}`: {offer}", value.line)
    return found.value


def items(found: Located, what: str) -> tuple[Located, ...]:
    """Return the items of a list."""
    if not isinstance(found.value, tuple):
        raise FieldError(f"{what} is a list: begin each line of it with `- `", found.line)
    return found.value


def _written(found: Located) -> str:
    """Return a value for a message: as it is written, or what it is."""
    match found.value:
        case str():
            return repr(shortened(found.value))
        case tuple():
            return "a list"
        case None:
            return "an empty value"
        case _:
            return "a mapping"


def text(found: Located) -> str:
    """Return a text that is not empty."""
    if not isinstance(found.value, str) or not found.value.strip() or "\0" in found.value:
        raise FieldError("expected a text", found.line)
    return found.value.strip()


def texts(found: Located) -> tuple[str, ...]:
    """Return a list of texts; one alone need not be a list."""
    if isinstance(found.value, tuple):
        return tuple(text(item) for item in found.value)
    return (text(found),)


def choice(known: Sequence[str]) -> Reader:
    """Return the reader of one of these words."""

    def read(found: Located) -> str:
        if isinstance(found.value, str) and found.value in known:
            return found.value
        near = closest_match(found.value, known) if isinstance(found.value, str) else None
        offer = f"; did you mean {near}?" if near else ""
        raise FieldError(f"{_written(found)} is none of {', '.join(known)}{offer}", found.line)

    return read


def whole(found: Located, least: int = 0) -> int:
    """Return a whole number of at least `least`."""
    if not isinstance(found.value, str) or not _WHOLE.fullmatch(found.value):
        raise FieldError(f"{_written(found)} is not a whole number", found.line)
    number = int(found.value) if len(found.value) <= _LONGEST else _MOST + 1
    if number > _MOST:
        raise FieldError(f"{_written(found)} is too large: at most {_MOST:,}", found.line)
    if number < least:
        raise FieldError(f"{number} is too small: at least {least}", found.line)
    return number


def positive(found: Located) -> int:
    """Return a whole number above 0."""
    return whole(found, 1)


def decimal(found: Located) -> float:
    """Return a number that is not negative."""
    if not isinstance(found.value, str) or not _DECIMAL.fullmatch(found.value):
        raise FieldError(f"{_written(found)} is not a number", found.line)
    return float(found.value)


def amount(found: Located) -> float:
    """Return a number above 0, such as an amount of dollars."""
    number = decimal(found)
    if number == 0:
        raise FieldError("0 leaves nothing for any task", found.line)
    return number


def fraction(found: Located) -> float:
    """Return a number from 0 to 1."""
    number = decimal(found)
    if number > 1:
        raise FieldError(f"{number} is not between 0 and 1", found.line)
    return number


def duration(found: Located) -> int:
    """Return a duration in seconds."""
    if not isinstance(found.value, str):
        raise FieldError(f"{_written(found)} is not a duration such as 45m", found.line)
    try:
        return parse_duration(found.value)
    except ValueError as error:
        raise FieldError(str(error), found.line) from None


def positive_duration(found: Located) -> int:
    """Return a duration in seconds, above 0."""
    seconds = duration(found)
    if seconds == 0:
        raise FieldError(f"{_written(found)} leaves no time for any task", found.line)
    return seconds


def clock(found: Located) -> str:
    """Return a time of day, `07:30`."""
    if not isinstance(found.value, str) or not _CLOCK.fullmatch(found.value):
        raise FieldError(f"{_written(found)} is no time of day such as 07:30", found.line)
    return found.value.zfill(5)


def schedule(found: Located) -> str:
    """Return a schedule: cron in five fields, a name such as `@daily`, or `every 6h`."""
    try:
        return schedules.parse(text(found)).text
    except UsageError as error:
        raise FieldError(error.message, found.line) from None


def time_zone(found: Located) -> str:
    """Return the name of a time zone."""
    name = text(found)
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise FieldError(
            f"{shortened(name)!r} is no time zone such as Europe/Berlin", found.line
        ) from None
    return name


def values(found: Mapping[str, Located], readers: Mapping[str, tuple[str, Reader]]) -> Any:
    """Return the fields of the keys that are there; `readers` names the field of each key."""
    read = {}
    for key, (field, reader) in readers.items():
        if key in found:
            try:
                read[field] = reader(found[key])
            except FieldError as error:
                raise FieldError(f"`{key}`: {error.message}", error.line) from None
    return read
