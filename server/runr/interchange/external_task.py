"""A task as another tool keeps it, read into the few facts that runr can carry on. Pure."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from runr.errors import UsageError
from runr.status.model import Entry, State
from runr.tasks.model import Task, TaskType
from runr.text import slug


class ExternalStatus(StrEnum):
    """What the other tool says of a task; `held` waits for a person, `dropped` is no work."""

    OPEN = "open"
    HELD = "held"
    DONE = "done"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalTask:
    """One foreign task.

    `id` is unique in its file, and `depends_on` holds such ids. `stem` is the
    file name that it would have, not yet safe, in `folder` below the target.
    `said` is the foreign word behind its claim, `closing` why it was closed.
    """

    id: str
    stem: str
    title: str
    body: str = ""
    folder: str = ""
    claim: ExternalStatus = ExternalStatus.OPEN
    said: str = ""
    closing: str = ""
    depends_on: tuple[str, ...] = ()
    parent: str | None = None
    related: tuple[str, ...] = ()
    type: TaskType = TaskType.AUTOMATED
    priority: int = 0
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file to be read; `name` is how the user knows it."""

    name: str
    text: str


class SourceModel(BaseModel):
    """A record of another tool; what runr has no use for is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


def invalid_source(name: str, place: str, why: str) -> UsageError:
    """Return the refusal of a file: where in it, and why."""
    where = f"{name}, {place}" if place else name
    return UsageError(f"{where}: {why}; nothing was imported")


def parsed(name: str, text: str, *, line: int | None = None) -> Any:
    """Return the JSON in `text`; UsageError with the line where it is none."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {line or error.lineno}"
        raise invalid_source(
            name, f"{place}, column {error.colno}", f"no JSON: {error.msg}"
        ) from None
    except RecursionError:
        raise invalid_source(name, "", "the JSON is nested too deeply") from None


def wrong_type(name: str, place: str, error: ValidationError) -> UsageError:
    """Return the refusal of a record that does not have the shape it must have."""
    first = error.errors(include_url=False, include_input=False)[0]
    inner = ".".join(str(part) for part in first["loc"])
    return invalid_source(
        name, ": ".join(filter(None, (place, inner))), first["msg"].removeprefix("Value error, ")
    )


def sections(*parts: tuple[str, str | None]) -> str:
    """Return a body of texts under headings, those that say something."""
    written = [
        f"## {heading}\n\n{text.strip()}" if heading else text.strip()
        for heading, text in parts
        if text and text.strip()
    ]
    return "\n\n".join(written)


def referenced_ids(number: str, title: str) -> str:
    """Return the file name of a task: its number there, then its title."""
    return "-".join(filter(None, (number, slug(title)))) or "task"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedTask:
    """One task; `depends_on` holds the paths of tasks that exist."""

    task: Task
    entry: Entry
    body: str
    depends_on: tuple[str, ...]

    @property
    def path(self) -> str:
        """The task's path in the repository."""
        return self.task.path

    @property
    def done(self) -> bool:
        """Tell whether the task counts as completed."""
        return self.entry.status is State.COMPLETED

    @property
    def evidence(self) -> str:
        """Why it counts as completed, in words; nothing where it does not."""
        if not self.done or self.entry.evidence is None:
            return ""
        by = (self.entry.completed_by or "").removeprefix("person:")
        why = f": {self.entry.reason}" if self.entry.reason else ""
        return f"{self.entry.evidence} by {by}{why}"
