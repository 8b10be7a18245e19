"""GitHub issues as `gh issue list --json …` or `gh api` prints them. Pure."""

import re
from collections.abc import Iterator
from typing import Any

from runr.interchange.external_task import (
    Document,
    ExternalStatus,
    ExternalTask,
    Record,
    file_stem,
)
from runr.interchange.record_fields import InvalidJsonError, RecordFields, describe, parse_json
from runr.interchange.status_words import known_status, read_status
from runr.text import one_line

# People write it so, and GitHub has no field for it in this list.
_NEEDS = re.compile(
    r"^\W*(?:depends on|blocked by)\b:?((?:[\s,]|and|#\d+)+)", re.IGNORECASE | re.MULTILINE
)
_REFERENCE = re.compile(r"#(\d+)")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


def is_one(value: Any) -> bool:
    """Tell whether a parsed record has the shape of an issue."""
    return isinstance(value, dict) and "number" in value and "title" in value


def read(document: Document) -> tuple[Record, ...]:
    """Return what became of each issue; `depends on #12` and `blocked by #12` are dependencies."""
    values = list(_values(document))
    numbers = [_number(value) for _, value in values]
    width = max((len(number) for number in numbers), default=1)
    return tuple(
        _record(place, value, number, width)
        for (place, value), number in zip(values, numbers, strict=True)
    )


def _values(document: Document) -> Iterator[tuple[str, Any]]:
    """Yield the issues with their places; a Record where there is no JSON."""
    if not document.text.strip():
        return
    try:
        value = parse_json(document.text)
    except InvalidJsonError as error:
        place = ", ".join(filter(None, (document.name, error.place)))
        yield place, Record.unreadable(place, error.reason)
        return
    values = value if isinstance(value, list) else [value]
    yield from ((f"{document.name}, [{index}]", issue) for index, issue in enumerate(values))


def _number(value: Any) -> str:
    """Return the issue's number in digits, or nothing."""
    text = RecordFields(value).text("number") if isinstance(value, dict) else ""
    return text if _NUMBER.fullmatch(text) else ""


def _record(place: str, value: Any, number: str, width: int) -> Record:
    if isinstance(value, Record):
        return value
    if not isinstance(value, dict):
        return Record.unreadable(place, f"{describe(value)} where an issue is wanted")
    if not number:
        return Record.unreadable(place, "there is no `number` above 0")
    fields = RecordFields(value)
    if value.get("pull_request") is not None:
        title = one_line(fields.text("title"))
        return Record.left_out(place, "a pull request, no issue", own=number, title=title)
    task = _task(fields, number, width)
    return Record.of_task(place, task, fields.changes)


def _task(fields: RecordFields, number: str, width: int) -> ExternalTask:
    title = one_line(fields.text("title") or f"Issue {number}")
    body = fields.prose("body").replace("\r\n", "\n").strip()
    if not fields.text("title") and not body:
        fields.holds.append("there is no title and no text")
    status, word = read_status(fields, "state")
    reason = fields.text("stateReason", "state_reason").lower()
    if status is ExternalStatus.DONE and reason:
        if known_status(reason) is ExternalStatus.CANCELLED:
            status = ExternalStatus.CANCELLED
        word = f"{word.lower()} as {reason}"
    needs = [found for text in _NEEDS.findall(body) for found in _REFERENCE.findall(text)]
    return ExternalTask(
        id=number,
        stem=file_stem(number.rjust(width, "0"), title),
        title=title,
        body=body,
        status=status,
        raw_status=word.lower(),
        depends_on=tuple(dict.fromkeys(needs)),
        holds=tuple(fields.holds),
        tags=tuple(_labels(fields)),
    )


def _labels(fields: RecordFields) -> Iterator[str]:
    for number, label in enumerate(fields.items("labels"), start=1):
        known = RecordFields(label if isinstance(label, dict) else {"name": label})
        if name := known.text("name"):
            yield name
        else:
            fields.changes.append(f"item {number} of `labels` has no name: ignored")
