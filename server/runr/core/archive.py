"""Everything that is worth keeping of a repository's tasks, in one JSON document."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from runr.core.incoming import Document, parsed, unfit
from runr.core.status import Entry
from runr.errors import UsageError

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
        raise unfit(name, "", error) from None
    _once(name, [task.path for task in archive.tasks])
    _once(name, [run.id for run in archive.runs])
    return archive


def _once(name: str, ids: Sequence[str]) -> None:
    twice = (
        next((own for own in ids if ids.count(own) > 1), None) if len(set(ids)) < len(ids) else None
    )
    if twice is not None:
        raise UsageError(f"{name}: {twice} stands in it twice; nothing was imported")
