"""The state of a task: what follows from its file, its entry and the tasks around it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from runr.runs import stop_reasons
from runr.status.branch import Absence, Rewritten
from runr.status.model import UNTOUCHED, Entry, State
from runr.status.staleness import StaleReason, StaleTrigger
from runr.tasks.model import Task, TaskType
from runr.tasks.names import natural_key

#: What a task is counted and coloured by: its status, and whether it can be continued. Of a
#: completion it is the evidence; `completed` has none.
DisplayStatus = Literal[
    "verified",
    "verified_in_workspace",
    "attested",
    "relayed",
    "inferred",
    "completed",
    "unmerged",
    "in_progress",
    "ready",
    "waiting",
    "blocked",
    "stopped",
    "failed",
    "stale",
]
DISPLAY_STATUSES: tuple[DisplayStatus, ...] = get_args(DisplayStatus)


class TaskState(NamedTuple):
    """One task with everything that can be asked about it.

    `blocked_by` is what keeps it from being started. An orphan is a record
    whose task file is gone: its task has only a path. `stale_reasons` say why
    a completed task is stale, `rerun` whether that makes it ready again. `absent`
    says that its commit is not on this branch, `rewritten` as which commit it is there,
    `unproved` why it is pending though the status file says that it is completed.
    """

    task: Task
    entry: Entry = UNTOUCHED
    blocked_by: tuple[str, ...] = ()
    stale: bool = False
    stale_reasons: tuple[StaleReason, ...] = ()
    rerun: bool = True
    absent: Absence | None = None
    rewritten: Rewritten | None = None
    unproved: str | None = None
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
    def unmerged(self) -> bool:
        """Whether it is completed, and its work is not on this branch."""
        return self.absent is not None

    @property
    def ready(self) -> bool:
        """Whether a worker can start it now."""
        # Of a completion that is not stale, which most of many are, neither need be asked.
        if self.entry.status is State.COMPLETED and not self.stale:
            return False
        return self._startable and not self.needs_human and not self.lands

    @property
    def display_status(self) -> DisplayStatus:
        """What the task is counted and coloured by."""
        if self.absent is not None:
            return "unmerged"
        if self.stale:
            return "stale"
        # First, as there may be very many of them.
        if self.entry.status is State.COMPLETED:
            return self.entry.evidence.value if self.entry.evidence else "completed"
        if self.needs_human:
            return "waiting"
        match self.entry.status:
            case State.PENDING:
                return "ready" if self._startable else "blocked"
            case State.IN_PROGRESS:
                return "in_progress"
            case State.STOPPED:
                return "stopped"
            case State.FAILED:
                return "failed"

    @property
    def renewed(self) -> bool:
        """Whether it is to be done again; what it builds on comes first."""
        if not (self.stale and self.rerun):
            return False
        return all(reason.cause is not StaleTrigger.UPSTREAM for reason in self.stale_reasons)

    @property
    def needs_human(self) -> bool:
        """Whether only a person can take it further."""
        if self.entry.status is State.COMPLETED and not self.stale:
            return False
        if self.entry.stop_reason in stop_reasons.FOR_A_PERSON:
            return self.open and self.entry.status is not State.IN_PROGRESS
        return self.task.type is TaskType.MANUAL and self._startable

    @property
    def interrupted(self) -> bool:
        """Whether a run of it has stopped, with work in it, and can be resumed."""
        return self.entry.status in (State.STOPPED, State.FAILED)

    @property
    def lands(self) -> bool:
        """Whether only the landing of its verified work is left."""
        return self.entry.stop_reason in stop_reasons.LANDABLE

    @property
    def _startable(self) -> bool:
        """Whether a worker or a person can start it now."""
        idle = self.renewed or (self.open and self.entry.status is not State.IN_PROGRESS)
        return idle and not self.blocked_by and self.task.error is None


Reach = Mapping[str, int]


def rank_tasks(tasks: Iterable[TaskState], reach: Reach) -> list[TaskState]:
    """Return the tasks in the order in which to do them; `reach` counts the dependents of each."""
    return sorted(
        tasks,
        key=lambda task: (-task.task.priority, -reach.get(task.path, 0), natural_key(task.path)),
    )


def explain_first(ready: Sequence[TaskState], reach: Reach) -> str:
    """Say why the first of these comes before the second."""
    first, *others = ready
    if not others and first.interrupted:
        return "its last run has stopped, and no other task is ready"
    if not others:
        return "it is the only one that is ready"
    total, second = len(ready), others[0]
    if first.task.priority != second.task.priority:
        return f"its priority {first.task.priority} is the highest of {total} that are ready"
    alike = sum(task.task.priority == first.task.priority for task in ready)
    among = f"of {alike} ready tasks with priority {first.task.priority}"
    if reach[first.path] != reach[second.path]:
        return f"{among} it unblocks the most"
    return f"{among} none unblocks more, and its name comes first"


def explain_later(task: TaskState, first: TaskState, reach: Reach) -> str:
    """Say why a ready task comes after the first one."""
    if task.task.priority != first.task.priority:
        return f"ready, with priority {task.task.priority} instead of {first.task.priority}"
    if reach[task.path] != reach[first.path]:
        return f"ready, and unblocks {reach[task.path]} instead of {reach[first.path]}"
    return "ready, with the same priority and a later name"
