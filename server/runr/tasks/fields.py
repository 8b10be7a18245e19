"""The keys of a task header: their types, and what to say where a value does not fit. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from runr.tasks.model import Problem, TaskType, Tier, Watched
from runr.text import closest_match, parse_duration, shortened

# More than any task costs, and less than what no longer counts as a number.
_DOLLARS = 1_000_000
_TURNS = 1_000_000
_YEAR = 366 * 24 * 3600
_DIGITS = 40

# Earlier tools wrote the status into the header. It is read nowhere, and is no part of the task.
STATUS_KEYS = frozenset({"status", "completed_at", "completed_by", "completed_commit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header as it was written: texts, lists and mappings, without types.

    `lines` gives the file line of a key `(key,)` and of a list's item `(key, index)`.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    lines: Mapping[tuple[int | str, ...], int] = field(default_factory=dict)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _seconds(value: object) -> int:
    # More digits than `int` takes are no length of time either.
    return parse_duration(value) if len(str(value)) <= _DIGITS else _YEAR + 1


def _without_nul(text: str) -> str:
    if "\0" in text:
        msg = "holds a NUL character, which no path or command can"
        raise ValueError(msg)
    return text


Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_without_nul)
]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed)]


class Fields(BaseModel):
    """The header with types; a list may be written as one scalar."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    title: str | None = None
    type: TaskType = TaskType.AUTOMATED
    depends_on: Texts = ()
    owns: Texts = ()
    verify: Texts = ()
    tier: Tier | None = None
    worker: Text | None = None
    model: Text | None = None
    permission_mode: Text | None = None
    allowed_tools: Texts | None = None
    budget_usd: Annotated[float, Field(gt=0, le=_DOLLARS)] | None = None
    max_turns: Annotated[int, Field(gt=0, le=_TURNS)] | None = None
    extra_args: Texts | None = None
    tags: Texts = ()
    stale_on: Annotated[tuple[Watched, ...], BeforeValidator(_listed)] = ()
    priority: int = 0
    timeout: Annotated[int, BeforeValidator(_seconds), Field(gt=0, le=_YEAR)] | None = None
    source: Text | None = None


_NUMBERS = {
    "priority": "a whole number",
    "max_turns": "a whole number from 1",
    "budget_usd": "an amount in US dollars above 0",
}
_LISTS = {"depends_on", "owns", "verify", "tags", "allowed_tools", "extra_args"}

KNOWN_KEYS = frozenset(Fields.model_fields) | STATUS_KEYS


def typed(header: Header) -> tuple[Fields, list[Problem]]:
    """Return the header's fields, each that does not fit at its default, and the problems."""
    # A key without a value (`tags:`) says the same as no key.
    given = {key: value for key, value in header.values.items() if value is not None}
    problems = [_unknown(key, header) for key in header.values if key not in KNOWN_KEYS]
    try:
        fields = Fields.model_validate(given)
    except ValidationError as error:
        wrong = {str(detail["loc"][0]): detail for detail in error.errors(include_url=False)[::-1]}
        problems += sorted((_wrong(detail, header) for detail in wrong.values()), key=_line)
        fields = Fields.model_validate({k: v for k, v in given.items() if k not in wrong})
    return fields, problems


def _unknown(key: str, header: Header) -> Problem:
    near = closest_match(key, KNOWN_KEYS)
    advice = f"did you mean `{near}`?" if near else "it has no effect"
    return Problem(
        code="unknown_key",
        message=f"runr does not know the key `{shortened(key)}`: {advice}",
        line=header.lines.get((key,)),
        severity="warning",
    )


def _wrong(detail: ErrorDetails, header: Header) -> Problem:
    place = detail["loc"]
    line = header.lines.get(place, header.lines.get(place[:1]))
    return Problem(code="wrong_value", message=_reason(detail), line=line)


def _reason(detail: ErrorDetails) -> str:
    key, *index = detail["loc"]
    what = f"`{key}`" + (f" item {int(index[0]) + 1}" if index else "")
    value = detail["input"]
    choices = {"type": [kind.value for kind in TaskType], "tier": list(get_args(Tier))}
    choices["stale_on"] = list(get_args(Watched))
    if value is None or value == "" or detail["type"] == "string_too_short":
        return f"{what} is empty: write a value, or remove it"
    if isinstance(value, dict) and (index or key not in _LISTS):
        return (
            f"{what} is a mapping, not text: text with `: ` in it, or `{{` before it, needs quotes"
        )
    if detail["type"] == "tuple_type":
        return f"{what} is a mapping: write a list or one text"
    if isinstance(value, list):
        return f"{what} is a list: write one value"
    if key in choices:
        near = closest_match(str(value), choices[str(key)])
        advice = f"did you mean `{near}`?" if near else "write one of " + ", ".join(choices[key])
        return f"{what} cannot be `{shortened(value)}`: {advice}"
    if key in _NUMBERS:
        return f"{what} must be {_NUMBERS[str(key)]}, not `{shortened(value)}`"
    if key == "timeout" and detail["type"] != "value_error":
        return f"{what} must be between a second and a year, not `{shortened(value)}`"
    return f"{what}: {detail.get('ctx', {}).get('error', detail['msg'])}"


def _line(problem: Problem) -> int:
    return problem.line or 0
