"""Where a task stands: what follows from its file, its record and the tasks around it."""

from dataclasses import dataclass

from runr.core import stops
from runr.core.staleness import Cause, Doubt
from runr.core.status import UNTOUCHED, Entry, State
from runr.core.task import Task, TaskType


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One task with everything that can be asked about it.

    `blocked_by` is what keeps it from being started. An orphan is a record
    whose task file is gone: its task has a path, and nothing else. `doubts`
    say why a completed task is stale, `rerun` whether that makes it ready again.
    """

    task: Task
    entry: Entry = UNTOUCHED
    blocked_by: tuple[str, ...] = ()
    stale: bool = False
    doubts: tuple[Doubt, ...] = ()
    rerun: bool = True
    unmerged: bool = False
    orphaned: bool = False

    @property
    def path(self) -> str:
        """The task's path in the repository."""
        return self.task.path

    @property
    def open(self) -> bool:
        """Whether it is still to be done."""
        return self.entry.status is not State.COMPLETED and not self.orphaned

    @property
    def ready(self) -> bool:
        """Whether it can be started now."""
        idle = self.renewed or (self.open and self.entry.status is not State.IN_PROGRESS)
        return idle and not self.blocked_by and self.task.error is None

    @property
    def renewed(self) -> bool:
        """Whether it is to be done again; what it builds on comes first."""
        settled = all(doubt.cause is not Cause.UPSTREAM for doubt in self.doubts)
        return self.stale and self.rerun and settled

    @property
    def waiting(self) -> bool:
        """Whether only a person can take it further."""
        if self.entry.stop_reason in stops.FOR_A_PERSON:
            return self.open and self.entry.status is not State.IN_PROGRESS
        return self.task.type is TaskType.MANUAL and self.ready

    @property
    def interrupted(self) -> bool:
        """Whether a run of it has stopped, with work in it, and can be taken up again."""
        return self.entry.status in (State.STOPPED, State.FAILED)
