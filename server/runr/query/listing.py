"""List tasks: filtered, sorted, paged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from runr.errors import UsageError
from runr.project import Project
from runr.query import presenters
from runr.query.filters import MATCH_ALL, Filter
from runr.query.models import Kind, TaskList, TaskSummary
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.runs.next_steps import Surface

Sort = Literal["path", "status", "priority", "updated"]
TaskStates = Mapping[str, TaskState]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """Which tasks are wanted, and how they are told.

    `cursor` is the path of the last task of the page before.
    """

    wanted: Filter = MATCH_ALL
    sort: Sort = "path"
    limit: int | None = None
    cursor: str | None = None


_ORDER = ("in_progress", "stopped", "failed", "pending", "completed")


def list_tasks(project: Project, query: TaskQuery) -> TaskList:
    """Return the tasks that `query` asks for, and how many there are in all."""
    snapshot = Snapshot.of(project)
    task_states = snapshot.task_states()
    found = _sorted(
        snapshot, query, select(project, task_states.values(), query.wanted), task_states
    )
    page = _page(found, query)
    more = query.limit is not None and bool(page) and page[-1] is not found[-1]
    return TaskList(
        tasks=[presenters.task_summary(task) for task in page],
        total=len(found),
        waiting=sum(task.waiting for task in found),
        next_cursor=page[-1].path if more else None,
        next=_advice(snapshot, found, task_states, project.surface),
    )


def select(project: Project, tasks: Iterable[TaskState], wanted: Filter) -> list[TaskState]:
    """Return those of the tasks that the filter asks for."""
    if not wanted:
        return list(tasks)
    # The settings are read only where somebody asks about workers.
    usual = project.config().run.worker if wanted.asks("worker") else ""
    judge = wanted.judge(now=project.clock(), worker=usual)
    return [task for task in tasks if judge(task)]


def matches_path(project: Project, names: Sequence[str], wanted: Filter) -> tuple[str, ...]:
    """Return what the filter leaves of the named tasks, or of all; UsageError for nothing."""
    if not wanted:
        return tuple(names)
    snapshot = Snapshot.of(project)
    tasks = [project.find_task(name, snapshot.tasks) for name in names] or snapshot.tasks
    found = select(project, map(snapshot.state_of, tasks), wanted)
    if not found:
        raise UsageError("no task matches the filter", next_steps=["runr list-tasks"])
    return tuple(task.path for task in found)


def next_ready(project: Project, *, kinds: tuple[Kind, ...] = ("automated",)) -> list[TaskSummary]:
    """Return the tasks that can be started now, the most urgent first."""
    snapshot = Snapshot.of(project)
    task_states = snapshot.task_states()
    ready = [task for task in task_states.values() if task.ready and task.task.type in kinds]
    return [presenters.task_summary(task) for task in snapshot.urgent_first(ready, task_states)]


def _sorted(
    snapshot: Snapshot, query: TaskQuery, found: list[TaskState], all_: TaskStates
) -> list[TaskState]:
    match query.sort:
        case "priority":
            return snapshot.urgent_first(found, all_)
        case "status":
            return sorted(found, key=lambda task: (_ORDER.index(task.entry.status), task.path))
        case "updated":
            newest = sorted(found, key=attrgetter("path"))
            return sorted(newest, key=lambda task: task.entry.updated_at or "", reverse=True)
        case _:
            return sorted(found, key=attrgetter("path"))


def _page(found: list[TaskState], query: TaskQuery) -> list[TaskState]:
    start = 0
    if query.cursor is not None:
        places = [number for number, task in enumerate(found) if task.path == query.cursor]
        if not places:
            raise UsageError(f"unknown cursor {query.cursor!r}: start again without one")
        start = places[0] + 1
    return found[start:] if query.limit is None else found[start : start + query.limit]


def _advice(snapshot: Snapshot, found: list[TaskState], all_: TaskStates, surface: Surface) -> str:
    if not found:
        return "No task matches. Task files are .runr/tasks/*.md; `runr new NAME` writes one."
    ready = [task for task in found if task.ready]
    if not ready:
        return "Nothing here is ready to run."
    # A person's turn comes last: whoever asks this can mostly do something without one.
    first = next(iter(snapshot.urgent_first([t for t in ready if not t.waiting] or ready, all_)))
    step = surface.attest(first.path) if first.waiting else surface.run(first.path)
    return f"{len(ready)} ready. Most urgent: {step}."
