"""One record of another tool, and the task in it as far as runr can represent it. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from runr.status.model import Entry, State
from runr.tasks.model import Task
from runr.text import slug


class ExternalStatus(StrEnum):
    """What the other tool says of a task."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalTask:
    """One task of another tool.

    `id` is unique in its source, or gets a number when planned; `depends_on`
    and `parent` hold such ids. `stem` is the file name that it would have, not
    yet safe, in `folder` below the target. `holds` says why no run may start it
    by itself. `duplicate_of` is the id that it shares with an earlier task.
    """

    id: str
    stem: str
    title: str
    body: str = ""
    folder: str = ""
    status: ExternalStatus = ExternalStatus.OPEN
    raw_status: str = ""
    close_reason: str = ""
    depends_on: tuple[str, ...] = ()
    parent: str | None = None
    related: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    priority: int = 0
    tags: tuple[str, ...] = ()
    duplicate_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What reading made of one record of a source: a task, or the reason why there is none.

    `place` says where it is, such as `issues.jsonl, line 3`. `changes` lists what
    reading changed. `damaged` marks a record that could not be read, unlike one
    that is left out on purpose; its `id` is empty where that could not be read.
    """

    place: str
    id: str = ""
    title: str = ""
    task: ExternalTask | None = None
    changes: tuple[str, ...] = ()
    reason: str = ""
    damaged: bool = False

    @classmethod
    def of_task(cls, place: str, task: ExternalTask, changes: Iterable[str]) -> Self:
        """Return the record of a task that was read."""
        once = tuple(dict.fromkeys(changes))
        return cls(place=place, id=task.id, title=task.title, task=task, changes=once)

    @classmethod
    def left_out(cls, place: str, reason: str, *, own: str = "", title: str = "") -> Self:
        """Return a record that is no task to import."""
        return cls(place=place, id=own, title=title, reason=reason)

    @classmethod
    def unreadable(cls, place: str, reason: str, *, own: str = "") -> Self:
        """Return a record that is damaged."""
        return cls(place=place, id=own, reason=reason, damaged=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file to be read; `name` is how the user knows it.

    Bytes that are not UTF-8 are lone surrogates in `text`. `unreadable` says why
    there is no text.
    """

    name: str
    text: str = ""
    unreadable: str = ""


class Numbering:
    """Gives a name that is taken a number: `4` becomes `4-2`, then `4-3`."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._given: Counter[str] = Counter()

    def like(self, wanted: str) -> str:
        """Return `wanted` or the first numbered form that is free, and take it."""
        own = wanted
        while own in self._taken:
            self._given[wanted] += 1
            own = f"{wanted}-{self._given[wanted] + 1}"
        self._taken.add(own)
        return own


def sections(*parts: tuple[str, str]) -> str:
    """Return a body of texts under headings, those that say something."""
    written = [
        f"## {heading}\n\n{text.strip()}" if heading else text.strip()
        for heading, text in parts
        if text.strip()
    ]
    return "\n\n".join(written)


def file_stem(number: str, title: str) -> str:
    """Return the file name of a task: its number, then its title."""
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
        by = (self.entry.completed_by or "").removeprefix("person:").removeprefix("client:")
        why = f": {self.entry.reason}" if self.entry.reason else ""
        return f"{self.entry.evidence} by {by}{why}"
