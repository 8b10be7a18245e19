"""The fields of another tool's record: what does not fit is noted, never refused. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runr.text import one_line

# More digits than a number of tasks or a priority has, and than `int` takes without protest.
_DIGITS = 18
_SURROGATE = re.compile("[\ud800-\udfff]")


class InvalidJsonError(ValueError):
    """Text that is not JSON: where, and why."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.reason = reason


class JsonObject(dict[str, Any]):
    """An object of JSON; `repeated` holds the values that a later one of the same key hides."""

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        super().__init__()
        self.repeated: list[tuple[str, Any]] = []
        for key, value in pairs:
            if key in self:
                self.repeated.append((key, self[key]))
            self[key] = value


def parse_json(text: str, *, line: int | None = None) -> Any:
    """Return the JSON in `text`, with fractions as the texts that they are; InvalidJsonError.

    `line` is the line of the file where `text` is one line of it.
    """
    try:
        return json.loads(
            text,
            parse_int=_whole,
            parse_float=str,
            parse_constant=str,
            object_pairs_hook=JsonObject,
        )
    except json.JSONDecodeError as error:
        place = f"line {line or error.lineno}, column {error.colno}"
        raise InvalidJsonError(place, f"not JSON: {error.msg}") from None
    except RecursionError:
        place = f"line {line}" if line else ""
        raise InvalidJsonError(place, "the JSON is nested too deeply") from None


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _DIGITS else digits


def replace_surrogates(text: str) -> str:
    """Return `text` with a sign for each byte or half of a character that is no text."""
    return _SURROGATE.sub("\ufffd", text)


def describe(value: object) -> str:
    """Return what kind of value this is, as a sentence says it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "an object"


class RecordFields:
    """Reads the fields of one record by name, and gathers what it had to change.

    `changes` are sentences about what was changed or ignored; `holds` are the
    reasons why the task may not be started before a person looked at it.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.changes: list[str] = []
        self.holds: list[str] = []
        for key, _ in getattr(values, "repeated", ()):
            self.changes.append(f"`{one_line(key)}` is there twice: the last one is taken")

    def value(self, *names: str) -> tuple[str, Any]:
        """Return the first of these fields that has a value, with its name."""
        for name in names:
            if self._values.get(name) is not None:
                return name, self._values[name]
        return names[0], None

    def text(self, *names: str) -> str:
        """Return a text or number; nothing, with a note, where it is of another type."""
        name, value = self.value(*names)
        if value is None:
            return ""
        if isinstance(value, str | int) and not isinstance(value, bool):
            return self._clean(name, str(value)).strip()
        self.changes.append(f"`{name}` is {describe(value)} where text is wanted: ignored")
        return ""

    def prose(self, *names: str) -> str:
        """Return a longer text; a list becomes its lines, an object is kept as JSON."""
        name, value = self.value(*names)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            self.changes.append(f"`{name}` is a list where text is wanted: its items are lines")
            return self._clean(name, "\n".join(f"- {item}" for item in value))
        if isinstance(value, list | dict):
            return self._as_json(name, value)
        return self.text(*names)

    def _as_json(self, name: str, value: list[Any] | dict[str, Any]) -> str:
        if not value:
            return ""
        wrong = f"`{name}` is {describe(value)} where text is wanted"
        try:
            written = json.dumps(value, indent=2, ensure_ascii=False)
        except RecursionError:
            self.changes.append(f"{wrong}, nested too deeply: ignored")
            return ""
        self.changes.append(f"{wrong}: kept as JSON")
        return f"```json\n{self._clean(name, written)}\n```"

    def names(self, *names: str) -> tuple[str, ...]:
        """Return a list of short texts, which may be written as one text with commas."""
        return tuple(self._names(names, self.changes, "ignored"))

    def references(self, *names: str) -> tuple[str, ...]:
        """Return a list of ids; one that cannot be read puts the task on hold."""
        return tuple(self._names(names, self.holds, ""))

    def _names(self, names: tuple[str, ...], notes: list[str], effect: str) -> Iterator[str]:
        name, value = self.value(*names)
        ending = f": {effect}" if effect else ""
        if isinstance(value, str):
            yield from filter(None, map(str.strip, self._clean(name, value).split(",")))
            return
        if isinstance(value, int) and not isinstance(value, bool):
            value = [value]
        if not isinstance(value, list):
            if value is not None:
                notes.append(f"`{name}` is {describe(value)} where a list is wanted{ending}")
            return
        for number, item in enumerate(value, start=1):
            if isinstance(item, str | int) and not isinstance(item, bool):
                if text := self._clean(name, str(item)).strip():
                    yield text
            else:
                notes.append(f"item {number} of `{name}` is {describe(item)}{ending}")

    def items(self, *names: str, holding: bool = False) -> list[Any]:
        """Return a list of records; with `holding`, anything else puts the task on hold."""
        name, value = self.value(*names)
        if isinstance(value, list):
            return value
        if value is not None:
            wrong = f"`{name}` is {describe(value)} where a list is wanted"
            if holding:
                self.holds.append(wrong)
            else:
                self.changes.append(f"{wrong}: ignored")
        return []

    def _clean(self, name: str, text: str) -> str:
        cleaned = replace_surrogates(text)
        if cleaned != text:
            self.changes.append(f"`{name}` holds bytes that are not UTF-8: replaced by \ufffd")
        return cleaned
