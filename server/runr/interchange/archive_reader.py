"""Reads an export of runr, one record after another: a damaged one never ends the rest. Pure."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from runr.errors import UsageError
from runr.interchange.archive import COLUMNS, CSV_HEADER, VERSION, KeptRun, KeptTask
from runr.interchange.external_task import Document
from runr.interchange.record_fields import InvalidJsonError, describe
from runr.next_steps import commands
from runr.status import codec
from runr.status.model import Entry
from runr.text import one_line

Kind = Literal["task", "status", "run", "row"]

# Python's own limit is 128 KiB, and a task file alone may be larger.
_FIELD_LIMIT = 2**31 - 1
_UNWRITABLE = "it holds what cannot be written down"
_VERSION = re.compile(r"[0-9]{1,9}")
_WANTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "list": "a list",
    "tuple": "a list",
    "dict": "an object",
    "model": "an object",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveRecord:
    """A task file, a status or a run of an export; `name` is its path or id.

    `value` is None where it could not be read, for `reason`, or where it is a
    `copy` of an earlier one.
    """

    kind: Kind
    place: str
    name: str = ""
    value: KeptTask | Entry | KeptRun | None = None
    reason: str = ""
    copy: bool = False


def read(document: Document) -> tuple[ArchiveRecord, ...]:
    """Return all records; UsageError where a newer runr wrote them."""
    if document.unreadable:
        return (ArchiveRecord(kind="row", place=document.name, reason=document.unreadable),)
    if document.text.startswith(CSV_HEADER):
        return tuple(_once(_Table(document.name).read(document.text)))
    try:
        value = _loaded(document.text)
    except InvalidJsonError as error:
        place = ", ".join(filter(None, (document.name, error.place)))
        return (ArchiveRecord(kind="row", place=place, reason=error.reason),)
    return tuple(_once(_of_json(document.name, value)))


def _of_json(name: str, value: Any) -> Iterator[ArchiveRecord]:
    if not isinstance(value, dict):
        reason = f"{describe(value)} where an export of runr is wanted"
        yield ArchiveRecord(kind="row", place=name, reason=reason)
        return
    _refuse_newer(name, value.get("version"))
    parts: tuple[tuple[str, type, Callable[[str, Any], Iterator[ArchiveRecord]]], ...] = (
        ("tasks", list, _tasks),
        ("status", dict, _statuses),
        ("runs", list, _runs),
    )
    for key, wanted, read_part in parts:
        inner = value.get(key)
        if isinstance(inner, wanted):
            yield from read_part(f"{name}, {key}", inner)
        elif inner is not None:
            reason = f"{describe(inner)} where {describe(wanted())} is wanted"
            yield ArchiveRecord(kind="row", place=f"{name}, {key}", reason=reason)


def _tasks(place: str, values: list[Any]) -> Iterator[ArchiveRecord]:
    for index, value in enumerate(values):
        yield _validated("task", f"{place}[{index}]", _text(value, "path"), KeptTask, value)


def _statuses(place: str, values: dict[str, Any]) -> Iterator[ArchiveRecord]:
    for path, value in values.items():
        yield _status(f"{place}, {one_line(path)}", path, value)


def _runs(place: str, values: list[Any]) -> Iterator[ArchiveRecord]:
    for index, value in enumerate(values):
        yield _validated("run", f"{place}[{index}]", _text(value, "id"), KeptRun, value)


def _text(value: Any, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _validated(
    kind: Kind, place: str, name: str, model: type[KeptTask | KeptRun], value: Any
) -> ArchiveRecord:
    record = ArchiveRecord(kind=kind, place=place, name=name)
    try:
        known = model.model_validate(value)
        json.dumps(known.model_dump(), ensure_ascii=False).encode(errors="surrogateescape")
    except ValidationError as error:
        return replace(record, reason=_sentence(error.errors(include_url=False)[0]))
    except (RecursionError, ValueError):
        return replace(record, reason=_UNWRITABLE)
    return replace(record, value=known)


def _status(place: str, path: str, value: Any) -> ArchiveRecord:
    record = ArchiveRecord(kind="status", place=place, name=path)
    try:
        entry = codec.decode(value)
    except ValueError as error:
        return replace(record, reason=str(error))
    try:
        written = json.dumps(codec.encode(entry), ensure_ascii=False)
        written.encode(errors="surrogateescape")
    except (RecursionError, ValueError):
        return replace(record, reason=_UNWRITABLE)
    return replace(record, value=entry)


def _sentence(error: ErrorDetails) -> str:
    """Return what is wrong with a value in plain words."""
    name = ".".join(str(part) for part in error["loc"])
    kind, given = error["type"], error["input"]
    if kind == "missing":
        return f"`{name}` is missing"
    if kind == "value_error":
        return error["msg"].removeprefix("Value error, ")
    if kind in ("enum", "literal_error"):
        return f"`{name}` is `{one_line(str(given))}`, which is none of the known words"
    if kind == "string_unicode":
        return f"`{name}` holds characters that are no text"
    if kind in ("too_short", "too_long"):
        return f"`{name}` is empty"
    wanted = _WANTED.get(kind.partition("_")[0], "another type")
    subject = f"`{name}` is {describe(given)}" if name else describe(given)
    return f"{subject} where {wanted} is wanted"


def _once(records: Iterable[ArchiveRecord]) -> Iterator[ArchiveRecord]:
    """Take the first of the records with one name; another that differs is an error."""
    seen: dict[tuple[str, str], ArchiveRecord] = {}
    for record in records:
        if record.value is None:
            yield record
            continue
        first = seen.setdefault((record.kind, record.name), record)
        if first is record:
            yield record
        elif first.value == record.value:
            reason = f"the same as {first.place}"
            yield replace(record, value=None, reason=reason, copy=True)
        else:
            reason = f"{one_line(record.name)} is in it twice, first in {first.place}"
            yield replace(record, value=None, reason=reason)


def _refuse_newer(name: str, version: object) -> None:
    if isinstance(version, int) and version > VERSION:
        raise UsageError(
            f"{name} was written by a newer runr (format {version}, "
            f"this one reads {VERSION}); nothing was imported",
            next_steps=[commands.upgrade()],
        )


def _loaded(text: str) -> Any:
    """Return the JSON exactly as it is, numbers too; InvalidJsonError."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidJsonError(place, f"not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidJsonError("", f"not JSON that runr can read: {error}") from None


@dataclass(slots=True)
class _Table:
    """The rows of a table as they are read.

    A run is the sum of its rows, so that one which could not be read takes the
    whole run with it: a history with a gap would say what never happened.
    """

    name: str
    events: dict[str, list[Any]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def read(self, text: str) -> Iterator[ArchiveRecord]:
        """Yield the tasks and statuses as they come, then the runs."""
        last, lost = "", ""
        for line, row in _rows(text):
            place = f"{self.name}, line {line}"
            if isinstance(row, str):
                yield ArchiveRecord(kind="row", place=place, reason=row)
                lost = f"line {line} could not be read: {row}"
                self._break(last, lost)
                continue
            own = row[1] if row[0] == "event" and len(row) > 1 else ""
            if lost:
                self._break(own, lost)
            lost, last = "", own
            if own:
                self._event(line, row)
            else:
                yield from self._row(place, row)
        for own, events in self.events.items():
            place = self.places[own]
            if own in self.broken:
                reason = f"its events are not whole: {self.broken[own]}"
                yield ArchiveRecord(kind="run", place=place, name=own, reason=reason)
            else:
                yield _validated("run", place, own, KeptRun, {"id": own, "events": events})

    def _break(self, run: str, reason: str) -> None:
        if run:
            self.broken.setdefault(run, reason)

    def _event(self, line: int, row: list[str]) -> None:
        own = row[1]
        events = self.events.setdefault(own, [])
        self.places.setdefault(own, f"{self.name}, line {line}")
        try:
            _width(row)
            events.append(_loaded(row[-1]))
        except InvalidJsonError as error:
            self._break(own, f"line {line}: {error.reason}")

    def _row(self, place: str, row: list[str]) -> Iterator[ArchiveRecord]:
        kind = row[0] if row else ""
        try:
            _width(row)
            own, encoding, data = row[1], row[-2], row[-1]
            if kind == "runr-export":
                _refuse_newer(self.name, int(own) if _VERSION.fullmatch(own) else None)
            elif kind == "task":
                key = "base64" if encoding == "base64" else "text"
                yield _validated("task", place, own, KeptTask, {"path": own, key: data})
            elif kind == "status":
                yield _status(place, own, _loaded(data))
            else:
                reason = f"`{one_line(kind)}` is no kind of row"
                yield ArchiveRecord(kind="row", place=place, reason=reason)
        except InvalidJsonError as error:
            name = row[1] if len(row) > 1 else ""
            known: Kind = "task" if kind == "task" else "status" if kind == "status" else "row"
            yield ArchiveRecord(kind=known, place=place, name=name, reason=error.reason)


def _width(row: list[str]) -> None:
    if len(row) != len(COLUMNS):
        raise InvalidJsonError("", f"there are {len(row)} columns, not {len(COLUMNS)}")


def _rows(text: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield the rows with the lines on which they end, or what is wrong with one."""
    csv.field_size_limit(_FIELD_LIMIT)
    table = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        try:
            row = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            yield table.line_num, f"not CSV: {error}"
            continue
        if row and row != list(COLUMNS):
            yield table.line_num, row
