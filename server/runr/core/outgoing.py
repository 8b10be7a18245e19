"""A task of runr's as another tool is told of it."""

from dataclasses import dataclass

from runr.core.status import Entry, State
from runr.core.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
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
