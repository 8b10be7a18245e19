"""The tasks that are done, running, waiting, stopped or stale, page by page, and their counts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, get_args

from runr.clock import HERE
from runr.errors import UnknownNameError
from runr.history import period
from runr.history.paging import Page, cut
from runr.project import Project
from runr.query import listing
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.status.model import State

Part = Literal["done", "running", "waiting", "stopped", "stale"]
PARTS: tuple[Part, ...] = get_args(Part)
#: In these parts the latest come first, in the others those that are there the longest.
_LATEST_FIRST = ("done", "stopped", "stale")


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewTask:
    """A task in the overview: since when, and by whom on what evidence, or why not."""

    path: str
    title: str
    since: str | None = None
    evidence: str | None = None
    by: str | None = None
    stale: bool = False
    unmerged: bool = False
    orphaned: bool = False
    stop_reason: str | None = None
    why: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewPart:
    """A page of the tasks of one kind; `count` is of all."""

    count: int = 0
    tasks: list[OverviewTask] = field(default_factory=list)
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCounts(Result):
    """How many tasks there are: by what lists show, each once, and completions by evidence."""

    total_count: int
    counts: dict[str, int]
    evidence: dict[str, int]


def count_tasks(project: Project) -> TaskCounts:
    """Return how many tasks there are, by status and by evidence."""
    return counted(project, Snapshot.of(project))


def find_part(project: Project, part: Part, page: Page) -> OverviewPart:
    """Return a page of the tasks of one kind; `done` are those since yesterday.

    UnknownNameError for a part that there is not.
    """
    if part not in PARTS:
        raise UnknownNameError(f"there is no part {part!r}: write one of {', '.join(PARTS)}")
    states = sort_out(Snapshot.of(project).task_states().values(), yesterday(project))
    return of_states(part, states[part], page)


def yesterday(project: Project) -> datetime:
    """Return the beginning of yesterday for the user."""
    return period.parse_moment("yesterday", project.clock().astimezone(HERE)).astimezone(UTC)


def unmerged(snapshot: Snapshot) -> frozenset[str]:
    """Return the tasks whose completion is not on the branch that is checked out."""
    return frozenset(path for path, state in snapshot.task_states().items() if state.unmerged)


def counted(project: Project, snapshot: Snapshot) -> TaskCounts:
    """Return how many tasks a snapshot has, and the next steps of a list of them."""
    listed = listing.count_all(project, snapshot)
    found = Counter(
        state.entry.evidence.value if state.entry.evidence else "none"
        for state in snapshot.task_states().values()
        if state.entry.status is State.COMPLETED and not state.unmerged
    )
    return TaskCounts(
        total_count=listed.total_count,
        counts=listed.counts,
        evidence=dict(sorted(found.items(), key=lambda each: (-each[1], each[0]))),
        next_steps=listed.next_steps,
    )


def sort_out(states: Iterable[TaskState], since: datetime) -> Mapping[Part, list[TaskState]]:
    """Return the states by kind: one that is stale can be done, too."""
    found: dict[Part, list[TaskState]] = {part: [] for part in PARTS}
    for state in states:
        if state.stale:
            found["stale"].append(state)
        if state.needs_human:
            found["waiting"].append(state)
        elif state.entry.status is State.IN_PROGRESS:
            found["running"].append(state)
        elif state.entry.status in (State.STOPPED, State.FAILED):
            found["stopped"].append(state)
        if state.entry.status is State.COMPLETED and _moment(_completed_at(state)) >= since:
            found["done"].append(state)
    return found


def of_states(part: Part, states: list[TaskState], page: Page) -> OverviewPart:
    """Return a page of these states, which are all of one kind."""
    since = _completed_at if part in ("done", "stale") else _changed_at

    def when(state: TaskState) -> tuple[str, int]:
        return since(state), state.entry.sequence

    ordered = sorted(states, key=lambda state: state.path)
    ordered.sort(key=when, reverse=part in _LATEST_FIRST)
    rows, following = cut(ordered, page, lambda state: state.path)
    return OverviewPart(
        count=len(states),
        tasks=[_task(state, since(state)) for state in rows],
        next_cursor=following,
    )


def _moment(time: str) -> datetime:
    try:
        read = datetime.fromisoformat(time)
    except ValueError:  # no time, or of a status file that was written by hand
        return datetime.min.replace(tzinfo=UTC)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _completed_at(state: TaskState) -> str:
    return state.entry.completed_at or ""


def _changed_at(state: TaskState) -> str:
    return state.entry.updated_at or ""


def _task(state: TaskState, since: str) -> OverviewTask:
    entry = state.entry
    completed = entry.status is State.COMPLETED
    reasons = [reason.message for reason in state.stale_reasons]
    why = "; ".join(reasons) or (None if completed else entry.stop_detail)
    return OverviewTask(
        path=state.path,
        title=state.task.title,
        since=since or None,
        evidence=entry.evidence.value if completed and entry.evidence else None,
        by=entry.completed_by if completed else None,
        stale=state.stale,
        unmerged=state.unmerged,
        orphaned=state.orphaned,
        stop_reason=entry.stop_reason,
        why=why or (state.task.type.value if state.needs_human and not entry.stop_reason else None),
        run_id=entry.last_run_id,
    )
