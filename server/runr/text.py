"""Format and parse text for people: durations, lists, names, near matches. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import lru_cache

#: Returns a context manager for a step, such as "reading the history".
ProgressScope = Callable[[str], AbstractContextManager[object]]

_LONG = 80
# DEL, the C1 control characters, and the separators that some programs take for line ends.
_CONTROLS = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# What Markdown reads as more than text: anywhere in a line, and at its beginning.
_MARKUP = re.compile(
    r"[\\`*\[<|~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|(?<=\bwww)\.|(?<=[a-z])(?=://)"
    r"|(?<=\bmailto):|(?<=\bxmpp):",
    re.IGNORECASE,
)
_BLOCK = re.compile(r"\d{1,9}(?=[.)](?:\s|$))|(?=[#>=:+-])")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART = r"(\d+)\s*([smhd]?)"
# A number without a unit must be alone: `1h30` is ambiguous.
_WHOLE = r"\d+|(?:\d+\s*[smhd]\s*)+"
#: A time this long before or after now is one that clocks and timeouts can hold.
_LONGEST_DAYS = 36_500
_MOST_CHARACTERS = 200


def parse_duration(text: object) -> int:
    """Return a duration in seconds; ValueError names the accepted forms."""
    if isinstance(text, int) and not isinstance(text, bool):
        seconds: int | None = text
    else:
        seconds = _seconds(str(text))
    written = str(text).lower() if isinstance(text, bool) else shortened(repr(text))
    if seconds is not None and abs(seconds) > _LONGEST_DAYS * _UNITS["d"]:
        msg = f"{written} is too long: at most {_LONGEST_DAYS}d"
        raise ValueError(msg)
    if seconds is None:
        msg = f"{written} is not a duration: write seconds, or 90s, 45m, 1h30m, 2d"
        raise ValueError(msg)
    return seconds


@lru_cache
def _seconds(text: str) -> int | None:
    value = text.strip().lower()
    if len(value) > _MOST_CHARACTERS or re.fullmatch(_WHOLE, value, re.ASCII) is None:
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(_PART, value))


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the moment that `text` means in the time zone of `now`; ValueError for none.

    A day begins at midnight there, whatever the offset on that day is.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    match text.strip().lower():
        case "now":
            return now
        case "today":
            return midnight
        case "yesterday":
            return midnight - timedelta(days=1)
    try:
        seconds = parse_duration(text)
    except ValueError:
        read = datetime.fromisoformat(text.strip())
        moment = read if read.tzinfo else read.replace(tzinfo=now.tzinfo)
        _require_utc(moment)
        return moment
    # In UTC, as a day on which the clocks are changed has another length.
    return (now.astimezone(UTC) - timedelta(seconds=seconds)).astimezone(now.tzinfo)


def _require_utc(moment: datetime) -> None:
    """Raise ValueError for a moment that is before the first year or after the last in UTC."""
    try:
        moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def format_duration(count: float) -> str:
    """Return `count` seconds for people: 4.2s, 3m 05s, 1h 02m."""
    if round(count, 1) < _UNITS["m"]:
        return f"{count:.1f}s"
    minutes, rest = divmod(round(count), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02d}m" if hours else f"{minutes}m {rest:02d}s"


def join_limited(names: Sequence[str], most: int) -> str:
    """Return the first `most` names, separated by commas, and the number of the others."""
    left = len(names) - most
    return join_names(names[:most]) + (f" and {left} more" if left > 0 else "")


def join_names(names: Iterable[str]) -> str:
    """Return names, such as those of files, separated by commas."""
    return ", ".join(map(readable_name, names))


def readable_name(name: str) -> str:
    """Return a name in quotes, with escapes as git has them, where it could not be read as it is.

    So it is with blanks or a comma at its ends, several blanks in it, or what cannot be printed.
    """
    is_plain = name.isprintable() and name == name.strip() and "  " not in name
    if is_plain and name[-1:] != "," and name[:1] != '"':
        return name
    escaped = re.sub(" (?= )", r"\\040", "".join(map(_escaped, name)))
    return f'"{escaped}"'


def _escaped(sign: str) -> str:
    if sign in _ESCAPES or sign.isprintable():
        return _ESCAPES.get(sign, sign)
    is_byte = "\udc80" <= sign <= "\udcff"
    written = sign.encode(errors="surrogateescape" if is_byte else "surrogatepass")
    return "".join(f"\\{byte:03o}" for byte in written)


def pluralize(number: int, noun: str) -> str:
    """Return a number with its noun: `1 error`, `2 errors`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def closest_match(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is nearest to `name`, if any is near."""
    names = list(known)
    begun = [longer for longer in names if name and longer.startswith(name)]
    if begun:
        return min(begun, key=len)
    # Slow to import, and only needed for mistyped names.
    import difflib  # noqa: PLC0415 - see above

    matches = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return matches[0] if matches else None


def shortened(value: object) -> str:
    """Return `value` for a message: one short line without control characters."""
    text = printable(str(value)[: 4 * _LONG]).strip()
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"


def printable(text: str, keep: str = "") -> str:
    """Return `text` with a space for each control character that is not in `keep`."""
    return "".join(char if char.isprintable() or char in keep else " " for char in text)


def display_width(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415 - hooks of git and of a session wait for this module

    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def pad(text: str, width: int) -> str:
    """Return `text`, filled with spaces up to `width` columns."""
    return text + " " * (width - display_width(text))


def format_bytes(number: int) -> str:
    """Return a number of bytes for people: `512 B`, `1.5 kB`, `2.0 GB`."""
    units = ("B", "kB", "MB", "GB", "TB")
    power = min((len(str(number)) - 1) // 3, len(units) - 1)
    return f"{number / 1000**power:.1f} {units[power]}" if power else f"{number} B"


def escape_controls(json: str) -> str:
    """Return a JSON document in which no control character reaches a terminal as it is.

    JSON itself escapes those below U+0020 only.
    """
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", json)


def flat(text: str) -> str:
    """Return `text` on one line, without control characters."""
    return " ".join(printable(text).split())


def escape_markdown(text: str) -> str:
    """Return `text` on one line that Markdown shows as it is.

    It forms no heading, list, table, link or HTML, also at the beginning of a line or an item.
    """
    line = flat(encodable(text))
    begin = _BLOCK.match(line)
    head = f"{begin[0]}\\" if begin else ""
    return head + _MARKUP.sub(r"\\\g<0>", line[begin.end() if begin else 0 :])


def markdown_code(text: str) -> str:
    """Return `text` on one line as code in Markdown, whatever it holds; its blanks stay."""
    line = printable(encodable(text))
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    ends = line[:1], line[-1:]
    gap = " " if "`" in ends or ends == (" ", " ") else ""
    return f"{fence}{gap}{line}{gap}{fence}" if line.strip() else ""


def encodable(text: str) -> str:
    """Return `text` with the bytes of a file name that are no text written as escapes."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def one_line(text: str) -> str:
    """Return `text` on one line, without control characters."""
    return shortened(flat(text)) or "untitled"


def slug(title: str) -> str:
    """Return `title` as the end of a file name: letters and digits of any script, and hyphens."""
    words = re.sub(r"[^\w]+|_+", "-", title.lower())
    return words.strip("-")[:60].strip("-")
