"""All that is worth keeping of a repository's tasks, as one JSON document or one table. Pure.

In the table, `data` holds all of it, in the encoding that the row names; the columns before it
repeat what people sort and filter by.
"""

import base64
import binascii
import csv
import io
import json
import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    field_validator,
    model_validator,
)

from runr.status import codec
from runr.status.model import Entry
from runr.text import encodable, escape_controls

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
    """The events of a run's journal, oldest first."""

    id: str
    events: tuple[dict[str, Any], ...] = Field(min_length=1)

    @property
    def timeline(self) -> bytes:
        """The file of the events, one on a line."""
        return "".join(f"{_written(event)}\n" for event in self.events).encode()

    @field_validator("id")
    @classmethod
    def _name(cls, run: str) -> str:
        if not _RUN.fullmatch(run) or ".." in run:
            msg = f"{run!r} is no id of a run"
            raise ValueError(msg)
        return run

    @model_validator(mode="after")
    def _writable(self) -> Self:
        try:
            # Only bytes of a path may be no text.
            _ = _compact(self.events).encode(errors="surrogateescape")
        except (UnicodeEncodeError, RecursionError) as error:
            msg = f"the events of {self.id} are damaged: {error}"
            raise ValueError(msg) from None
        return self


def _entry(value: object) -> Entry:
    return value if isinstance(value, Entry) else codec.decode(value)


#: An entry, written as in the status file.
RecordedEntry = Annotated[Entry, PlainValidator(_entry), PlainSerializer(codec.encode)]


class Archive(Part):
    """The whole export."""

    format: Literal["runr-export"] = "runr-export"
    version: int = VERSION
    tasks: tuple[KeptTask, ...] = ()
    status: dict[str, RecordedEntry] = Field(default_factory=dict)
    runs: tuple[KeptRun, ...] = ()


def is_one(value: Any) -> bool:
    """Tell whether parsed JSON is an export of runr."""
    return isinstance(value, dict) and value.get("format") == "runr-export"


def render(archive: Archive) -> str:
    """Return the archive as JSON."""
    text = json.dumps(archive.model_dump(), indent=2, ensure_ascii=False)
    return encodable(escape_controls(text)) + "\n"


COLUMNS = ("kind", "id", "seq", "time", "state", "title", "encoding", "data")
CSV_HEADER = ",".join(COLUMNS)


def render_csv(archive: Archive, titles: dict[str, str]) -> str:
    """Return the archive as CSV; `titles` gives the titles of the tasks by path."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(COLUMNS)
    table.writerow(("runr-export", VERSION, "", "", "", "", "", ""))
    for task in archive.tasks:
        entry = archive.status.get(task.path)
        state = entry.status.value if entry else "pending"
        table.writerow(("task", task.path, "", "", state, titles.get(task.path, ""), *_data(task)))
    for path, entry in archive.status.items():
        state, at = entry.status.value, entry.updated_at or ""
        row = ("status", path, entry.revision, at, state, titles.get(path, ""), "json")
        table.writerow((*row, _written(codec.encode(entry))))
    for run in archive.runs:
        for event in run.events:
            facts = (event.get("seq", ""), event.get("time", ""), event.get("type", ""))
            table.writerow(("event", run.id, *facts, "", "json", _written(event)))
    return text.getvalue()


def _data(task: KeptTask) -> tuple[str, str]:
    return ("base64", task.base64) if task.base64 is not None else ("utf-8", task.text or "")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _written(value: Any) -> str:
    """Return JSON in which, as in a journal, a byte that is no text is an escape."""
    return encodable(escape_controls(_compact(value)))
