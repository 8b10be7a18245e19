"""The keys of a task header: their types, and the problem of a value that does not fit. Pure.

Written without pydantic, which takes longer to import than to read a hundred tasks.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn, get_args

from runr.tasks.model import Problem, TaskType, Tier, Watched
from runr.text import closest_match, parse_duration, shortened

#: More than any task costs, and less than what no longer counts as a number.
_MAX_DOLLARS = 1_000_000
_MAX_TURNS = 1_000_000
_YEAR_S = 366 * 24 * 3600
#: More digits than Python converts.
_MAX_DIGITS = 4300
_MAX_DURATION = 40

#: Written by earlier tools, and by runr where it is asked to; not part of the task.
STATUS_KEYS = frozenset({"status", "completed_at", "completed_by", "completed_commit"})

_WHOLE_NUMBER = re.compile(r"\s*([+-]?[0-9]+(?:_[0-9]+)*)(?:\.0+)?\s*")
_DECIMAL = re.compile(r"\s*[+-]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")


class Header(NamedTuple):
    """A header as it was written: texts, lists and mappings, without types.

    `lines` gives the file line of a key `(key,)` and of a list's item `(key, index)`.
    """

    values: Mapping[str, object] = MappingProxyType({})
    lines: Mapping[tuple[int | str, ...], int] = MappingProxyType({})


class _UnfitValueError(Exception):
    """A value of another type; `index` is that of the item of a list."""

    def __init__(self, value: object, *, index: int | None = None, reason: str = "") -> None:
        super().__init__(reason)
        self.value = value
        self.index = index
        self.reason = reason


Reader = Callable[[object], Any]


def _refuse(value: object, index: int | None = None) -> NoReturn:
    raise _UnfitValueError(value, index=index)


def _string(value: object) -> str:
    return value if isinstance(value, str) else _refuse(value)


def _text(value: object, index: int | None = None) -> str:
    if not isinstance(value, str) or not (text := value.strip()):
        _refuse(value, index)
    if "\0" in text:
        reason = "holds a NUL character, which no path or command can"
        raise _UnfitValueError(value, index=index, reason=reason)
    return text


def _texts(value: object) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list):
        _refuse(value)
    return tuple([_text(item, index) for index, item in enumerate(items)])


def _choice(*choices: str) -> Reader:
    def read(value: object) -> str:
        return value if isinstance(value, str) and value in choices else _refuse(value)

    return read


def _choices(*choices: str) -> Reader:
    def read(value: object) -> tuple[str, ...]:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list):
            _refuse(value)
        for index, item in enumerate(items):
            if not isinstance(item, str) or item not in choices:
                _refuse(item, index)
        return tuple(items)

    return read


def _task_type(value: object) -> TaskType:
    found = _TYPES.get(value) if isinstance(value, str) else None
    return found if found is not None else _refuse(value)


def _whole_number(value: object) -> int:
    found = _WHOLE_NUMBER.fullmatch(value) if isinstance(value, str) else None
    if found is None or len(found[1]) > _MAX_DIGITS:
        _refuse(value)
    return int(found[1])


def _turns(value: object) -> int:
    number = _whole_number(value)
    return number if 0 < number <= _MAX_TURNS else _refuse(value)


def _dollars(value: object) -> float:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        _refuse(value)
    amount = float(value.replace("_", ""))
    return amount if 0 < amount <= _MAX_DOLLARS else _refuse(value)


def _duration(value: object) -> int:
    if not isinstance(value, str):
        _refuse(value)
    try:
        seconds = parse_duration(value) if len(value) <= _MAX_DURATION else _YEAR_S + 1
    except ValueError as error:
        raise _UnfitValueError(value, reason=str(error)) from None
    return seconds if 0 < seconds <= _YEAR_S else _refuse(value)


_TYPES: dict[object, TaskType] = {kind.value: kind for kind in TaskType}

#: Every key with the reader of its value; a list may be written as one scalar.
_READERS: dict[str, Reader] = {
    "title": _string,
    "type": _task_type,
    "depends_on": _texts,
    "owns": _texts,
    "verify": _texts,
    "tier": _choice(*get_args(Tier)),
    "worker": _text,
    "model": _text,
    "permission_mode": _text,
    "allowed_tools": _texts,
    "budget_usd": _dollars,
    "max_turns": _turns,
    "extra_args": _texts,
    "tags": _texts,
    "stale_on": _choices(*get_args(Watched)),
    "priority": _whole_number,
    "timeout": _duration,
    "source": _text,
}

_NUMBERS = {
    "priority": "a whole number",
    "max_turns": "a whole number from 1",
    "budget_usd": "an amount in US dollars above 0",
}
_LISTS = frozenset({"depends_on", "owns", "verify", "tags", "allowed_tools", "extra_args"})
_CHOICES = {"type": list(_TYPES), "tier": get_args(Tier), "stale_on": get_args(Watched)}

KNOWN_KEYS = frozenset(_READERS) | STATUS_KEYS


def typed(header: Header) -> tuple[dict[str, Any], list[Problem]]:
    """Return the header's values with types, without those that do not fit, and the problems."""
    fields: dict[str, Any] = {}
    problems: list[Problem] = []
    unfit: list[Problem] = []
    for key, value in header.values.items():
        reader = _READERS.get(key)
        if reader is None:
            if key not in STATUS_KEYS:
                problems.append(_unknown(key, header))
        elif value is not None:  # a key without a value (`tags:`) says the same as no key
            try:
                fields[key] = reader(value)
            except _UnfitValueError as error:
                unfit.append(_unfit(key, error, header))
    if checks := fields.get("verify"):
        problems += _empty_checks(checks, header)
    return fields, [*problems, *sorted(unfit, key=_line)]


def _unknown(key: str, header: Header) -> Problem:
    near = closest_match(key, KNOWN_KEYS)
    advice = f"did you mean `{near}`?" if near else "it has no effect"
    return Problem(
        code="unknown_key",
        message=f"runr does not know the key `{shortened(key)}`: {advice}",
        line=header.lines.get((key,)),
        severity="warning",
    )


def _empty_checks(commands: Sequence[str], header: Header) -> Iterator[Problem]:
    """Yield a warning about each check that checks nothing."""
    # Takes a while to load, and few listings need it.
    from runr.tasks.empty_checks import explain, is_empty  # noqa: PLC0415 - see above

    for index, command in enumerate(commands):
        if is_empty(command):
            yield Problem(
                code="empty_check",
                message=f"the check {explain(command)}",
                line=header.lines.get(("verify", index), header.lines.get(("verify",))),
                severity="warning",
            )


def _unfit(key: str, error: _UnfitValueError, header: Header) -> Problem:
    line = header.lines.get((key,))
    if error.index is not None:
        line = header.lines.get((key, error.index), line)
    return Problem(code="wrong_value", message=_reason(key, error), line=line)


def _reason(key: str, error: _UnfitValueError) -> str:
    value, in_list = error.value, error.index is not None
    what = f"`{key}`" + (f" item {error.index + 1}" if error.index is not None else "")
    if value is None or (isinstance(value, str) and not value.strip()):
        return f"{what} is empty: write a value, or remove it"
    if isinstance(value, dict) and (in_list or key not in _LISTS):
        return (
            f"{what} is a mapping, not text: text with `: ` in it, or `{{` before it, needs quotes"
        )
    if isinstance(value, dict):
        return f"{what} is a mapping: write a list or one text"
    if isinstance(value, list):
        return f"{what} is a list: write one value"
    if key in _CHOICES:
        return f"{what} cannot be `{shortened(value)}`: {_offer(str(value), _CHOICES[key])}"
    if key in _NUMBERS:
        return f"{what} must be {_NUMBERS[key]}, not `{shortened(value)}`"
    if key == "timeout" and not error.reason:
        return f"{what} must be between a second and a year, not `{shortened(value)}`"
    return f"{what}: {error.reason}"


def _offer(value: str, choices: Any) -> str:
    near = closest_match(value, choices)
    return f"did you mean `{near}`?" if near else "write one of " + ", ".join(choices)


def _line(problem: Problem) -> int:
    return problem.line or 0
