"""What does not fit in the settings, in plain sentences with the line of each. Pure."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from runr.config.settings import Config
from runr.text import closest_match, printable

Place = tuple[str | int, ...]

# In longer files the search for the line would take too long.
_MOST_LINES = 2000

_TEXT = "write a text, in quotes"
_TABLE = "write a table"
_WHOLE = "write a whole number, without quotes"
_SENTENCES = {
    "tuple_type": "write a list of texts, in brackets",
    "string_type": _TEXT,
    "string_too_short": "write a text that is not empty",
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "int_type": _WHOLE,
    "int_from_float": "write a whole number",
    "float_type": "write a number, without quotes",
    "finite_number": "write a finite number",
    "bool_type": "write true or false, without quotes",
    "greater_than": "write a number greater than {gt:g}",
    "greater_than_equal": "write a number that is at least {ge:g}",
    "less_than": "write a number less than {lt:g}",
    "less_than_equal": "write a number that is at most {le:g}",
}


@dataclass(frozen=True, slots=True)
class SettingsProblem:
    """One thing that does not fit; `line` counts from 1 and is None where it is unknown."""

    message: str
    line: int | None = None


def describe(error: ValidationError, text: str | None) -> list[SettingsProblem]:
    """Return all problems in the order of the file; `text` is TOML, None where it is not."""
    found = [
        SettingsProblem(_message(each), None if text is None else line_of(text, each["loc"]))
        for each in error.errors(include_url=False)
    ]
    return sorted(found, key=lambda each: each.line or 0)


def line_of(text: str, place: Place) -> int | None:
    """Return the line where the value at `place` begins: before it, there is no such value."""
    lines = text.splitlines(keepends=True)
    begin = 0
    for end in range(1, min(len(lines), _MOST_LINES) + 1):
        try:
            table = tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue  # in the middle of a value
        if _holds(table, place):
            return begin + 1
        begin = end
    return None


def _holds(value: Any, place: Place) -> bool:
    for part in place:
        if isinstance(value, list):
            return True  # the line of a list is that of its beginning
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True


def _message(problem: ErrorDetails) -> str:
    place, kind = problem["loc"], problem["type"]
    if kind == "extra_forbidden":
        return _unknown(tuple(map(str, place)))
    context = problem.get("ctx", {})
    if kind == "literal_error":
        sentence = _choice(problem["input"], str(context["expected"]))
    elif kind in _SENTENCES:
        sentence = _SENTENCES[kind].format_map(context)
    else:
        sentence = problem["msg"].removeprefix("Value error, ")
    return f"{_name(place)}: {sentence}"


def _choice(value: object, expected: str) -> str:
    near = closest_match(str(value), expected.replace(" or ", ", ").replace("'", "").split(", "))
    offer = f"; did you mean '{near}'?" if near else ""
    return f"write {expected}{offer}"


def _name(place: Place) -> str:
    """Return the key, with the number of the entry where it is in a list."""
    keys = [printable(part) for part in place if isinstance(part, str) and part != "[key]"]
    entries = [f", entry {part + 1}" for part in place if isinstance(part, int)]
    return ".".join(keys) + "".join(entries)


def _unknown(place: tuple[str, ...]) -> str:
    known = sorted(_keys(place[:-1]))
    near = closest_match(place[-1], known)
    offer = f"did you mean `{near}`?" if near else f"known keys: {', '.join(known)}"
    return f"unknown key `{'.'.join(place)}`; {offer}"


def _keys(place: tuple[str, ...]) -> Mapping[str, object]:
    """Return the keys that the table at `place` may have."""
    model: type[BaseModel] = Config
    for part in place:
        field = model.model_fields.get(part)
        if field is None:
            continue  # the name of a worker: its table is the model already in hand
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        # Without a table it is a worker that is called like a key, such as `command`.
        model = next(_tables(kinds), model)
    return model.model_fields


def _tables(kinds: list[Any]) -> Iterator[type[BaseModel]]:
    return (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
