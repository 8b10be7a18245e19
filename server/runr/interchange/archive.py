"""Everything that is worth keeping of a repository's tasks, in one JSON document. Pure."""

import base64
import binascii
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from runr.errors import UsageError
from runr.interchange.external_task import Document, invalid_source, parsed, wrong_type
from runr.status.model import Entry

VERSION = 1

_TASK = re.compile(r"\.runr/tasks/(?:[^./\0][^/\0]*/)*[^./\0][^/\0]*\.md")
_RUN = re.compile(r"\w[\w.-]*")


class Part(BaseModel):
    """A part of the document."""

    model_config = ConfigDict(frozen=True)


class KeptTask(Part):
    """A task file byte for byte: `text`, or `base64` where the bytes are no UTF-8."""

    path: str
    text: str | None = None
    base64: str | None = None

    @classmethod
    def of(cls, path: str, content: bytes) -> Self:
        """Return what keeps these bytes."""
        try:
            return cls(path=path, text=content.decode())
        except UnicodeDecodeError:
            return cls(path=path, base64=base64.b64encode(content).decode())

    @property
    def content(self) -> bytes:
        """The file's bytes."""
        return base64.b64decode(self.base64) if self.base64 else (self.text or "").encode()

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if not _TASK.fullmatch(path):
            msg = f"{path!r} is no path of a task file below .runr/tasks"
            raise ValueError(msg)
        return path

    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            base64.b64decode(self.base64 or "", validate=True)
            (self.text or "").encode()
        except (binascii.Error, UnicodeEncodeError) as error:
            msg = f"the content of {self.path} is damaged: {error}"
            raise ValueError(msg) from None
        return self


class KeptRun(Part):
    """A run's events as they stand in its timeline, oldest first."""

    id: str
    events: tuple[dict[str, Any], ...] = Field(min_length=1)

    @field_validator("id")
    @classmethod
    def _name(cls, run: str) -> str:
        if not _RUN.fullmatch(run) or ".." in run:
            msg = f"{run!r} is no id of a run"
            raise ValueError(msg)
        return run


class Archive(Part):
    """The whole export."""

    format: Literal["runr-export"] = "runr-export"
    version: int = VERSION
    tasks: tuple[KeptTask, ...] = ()
    status: dict[str, Entry] = Field(default_factory=dict)
    runs: tuple[KeptRun, ...] = ()


def is_one(value: Any) -> bool:
    """Tell whether parsed JSON is an export of runr."""
    return isinstance(value, dict) and value.get("format") == "runr-export"


def render(archive: Archive) -> str:
    """Return the archive as JSON."""
    return archive.model_dump_json(indent=2, exclude_none=False) + "\n"


def read(document: Document) -> Archive:
    """Return the archive; UsageError with the place where it is none."""
    return checked(document.name, parsed(document.name, document.text))


def checked(name: str, value: Any) -> Archive:
    """Return the archive in parsed JSON, with every id once."""
    if isinstance(value, dict) and isinstance(value.get("version"), int):
        newer = value["version"] > VERSION
        if newer:
            raise UsageError(
                f"{name} was written by a newer runr (format {value['version']}, "
                f"this one reads {VERSION}); nothing was imported",
                next_steps=["uv tool upgrade runr"],
            )
    try:
        archive = Archive.model_validate(value)
    except ValidationError as error:
        raise wrong_type(name, "", error) from None
    _once(name, [task.path for task in archive.tasks])
    _once(name, [run.id for run in archive.runs])
    return archive


def _once(name: str, ids: Sequence[str]) -> None:
    twice = (
        next((own for own in ids if ids.count(own) > 1), None) if len(set(ids)) < len(ids) else None
    )
    if twice is not None:
        raise UsageError(f"{name}: {twice} stands in it twice; nothing was imported")


_COLUMNS = ("kind", "id", "seq", "time", "state", "title", "encoding", "data")
CSV_HEADER = ",".join(_COLUMNS)

# Python's own limit is 128 KiB, and a task file alone may be larger.
_FIELD_LIMIT = 2**31 - 1


def render_csv(archive: Archive, titles: dict[str, str]) -> str:
    """Return the archive as CSV; `titles` gives the titles of the tasks by path."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(_COLUMNS)
    table.writerow(("runr-export", VERSION, "", "", "", "", "", ""))
    for task in archive.tasks:
        entry = archive.status.get(task.path)
        state = entry.status.value if entry else "pending"
        table.writerow(("task", task.path, "", "", state, titles.get(task.path, ""), *_data(task)))
    for path, entry in archive.status.items():
        state, at = entry.status.value, entry.updated_at or ""
        row = ("status", path, entry.revision, at, state, titles.get(path, ""), "json")
        table.writerow((*row, entry.model_dump_json()))
    for run in archive.runs:
        for event in run.events:
            facts = (event.get("seq", ""), event.get("time", ""), event.get("type", ""))
            table.writerow(("event", run.id, *facts, "", "json", _compact(event)))
    return text.getvalue()


def _data(task: KeptTask) -> tuple[str, str]:
    return ("base64", task.base64) if task.base64 is not None else ("utf-8", task.text or "")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read_csv(document: Document) -> Archive:
    """Return the archive; UsageError with the line where it is none."""
    csv.field_size_limit(_FIELD_LIMIT)
    tasks: list[dict[str, Any]] = []
    status: dict[str, Any] = {}
    runs: dict[str, list[Any]] = {}
    version: Any = VERSION
    for line, row in _rows(document):
        kind, own, data = row["kind"], row["id"], row["data"]
        if kind == "runr-export" and own.isdecimal():
            version = int(own)
        elif kind == "task":
            key = "base64" if row["encoding"] == "base64" else "text"
            tasks.append({"path": own, key: data})
        elif kind == "status":
            status[own] = parsed(document.name, data, line=line)
        elif kind == "event":
            runs.setdefault(own, []).append(parsed(document.name, data, line=line))
        else:
            raise invalid_source(document.name, f"line {line}", f"{kind!r} is no kind of row")
    return checked(
        document.name,
        {
            "version": version,
            "tasks": tasks,
            "status": status,
            "runs": [{"id": own, "events": events} for own, events in runs.items()],
        },
    )


def _rows(document: Document) -> Iterator[tuple[int, dict[str, str]]]:
    table = csv.reader(io.StringIO(document.text, newline=""), strict=True)
    try:
        for row in table:
            if table.line_num == 1 and row == list(_COLUMNS):
                continue
            if len(row) != len(_COLUMNS):
                why = f"there are {len(row)} columns, not {len(_COLUMNS)}"
                raise invalid_source(document.name, f"line {table.line_num}", why)
            yield table.line_num, dict(zip(_COLUMNS, row, strict=True))
    except csv.Error as error:
        raise invalid_source(document.name, f"line {table.line_num}", f"no CSV: {error}") from None
