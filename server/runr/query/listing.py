"""List tasks: filtered, sorted, paged."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from runr.clock import HERE
from runr.errors import UsageError
from runr.next_steps import commands
from runr.next_steps.step import UserStep
from runr.next_steps.tasks import LIST_KINDS, ListFacts, ListKind, after_list
from runr.project import Project
from runr.query import task_views
from runr.query.filters import MATCH_ALL, Filter
from runr.query.models import TaskList, TaskSummary
from runr.query.snapshot import Snapshot
from runr.query.task_state import DISPLAY_STATUSES, TaskState
from runr.status.model import State
from runr.tasks.model import TaskType
from runr.tasks.names import natural_key

Sort = Literal["path", "status", "priority", "updated"]


class TaskQuery(NamedTuple):
    """Which tasks to list, in which order, and which page of them.

    `cursor` is the path of the last task of the page before, `template` the text of a new task,
    for a reader who writes the file.
    """

    wanted: Filter = MATCH_ALL
    sort: Sort = "path"
    limit: int | None = None
    cursor: str | None = None
    template: str = ""


#: This many of the last questions are kept.
_SELECTIONS = 32

_ORDER = ("in_progress", "stopped", "failed", "pending", "completed")


def list_tasks(project: Project, query: TaskQuery) -> TaskList:
    """Return the tasks that `query` asks for, and how many there are in all."""
    chosen = _selection(project, Snapshot.of(project), query)
    found = chosen.found
    page = _page(found, query)
    facts = chosen.facts
    if not (query.wanted and found) and query.cursor is None:
        facts = facts._replace(template=query.template)
    more = query.limit is not None and bool(page) and page[-1] is not found[-1]
    return TaskList(
        tasks=[task_views.task_summary(task) for task in page],
        total_count=len(found),
        needs_human_count=chosen.needs_human_count,
        counts=dict(chosen.counts),
        next_cursor=page[-1].path if more else None,
        next_steps=_next_lines(project, facts),
    )


def _next_lines(project: Project, facts: ListFacts) -> list[str | UserStep]:
    return project.surface.lines(project.with_prerequisites(after_list(facts)))


def count_all(project: Project, snapshot: Snapshot) -> TaskList:
    """Return how many tasks there are, without one of them, and what to do next."""
    chosen = _selection(project, snapshot, TaskQuery())
    return TaskList(
        tasks=[],
        total_count=len(chosen.found),
        needs_human_count=chosen.needs_human_count,
        counts=dict(chosen.counts),
        next_steps=_next_lines(project, chosen.facts),
    )


class _Selection(NamedTuple):
    """The tasks that a query asks for, all pages of them, and what is said of them together."""

    found: list[TaskState]
    needs_human_count: int
    counts: Mapping[str, int]
    facts: ListFacts


def _selection(project: Project, snapshot: Snapshot, query: TaskQuery) -> _Selection:
    """Return what the query selects; as it did before where nothing has changed since."""
    # What these find changes with the time, and with the settings.
    if query.wanted.asks("since") or query.wanted.asks("worker"):
        return _selected(project, snapshot, query)
    kept, asked = snapshot.selections, (query.wanted, query.sort)
    selection: _Selection | None = kept.get(asked)
    if selection is None:
        if len(kept) >= _SELECTIONS:
            kept.clear()
        selection = kept[asked] = _selected(project, snapshot, query)
    return selection


def _selected(project: Project, snapshot: Snapshot, query: TaskQuery) -> _Selection:
    task_states = snapshot.task_states()
    found = _sorted(snapshot, query, select(project, task_states.values(), query.wanted))
    waiting = [task for task in found if task.needs_human]
    return _Selection(
        found=found,
        needs_human_count=len(waiting),
        counts=_counts(found),
        facts=_list_facts(found, waiting, len(task_states), ranked=query.sort == "priority"),
    )


def select(project: Project, tasks: Iterable[TaskState], wanted: Filter) -> list[TaskState]:
    """Return those of the tasks that the filter asks for."""
    if not wanted:
        return list(tasks)
    # The settings are read only for a filter by worker.
    usual = project.config().run.worker if wanted.asks("worker") else ""
    test = wanted.predicate(now=project.clock().astimezone(HERE), worker=usual)
    return [task for task in tasks if test(task)]


def none_meant(wanted: Filter) -> str:
    """Say why a command that a filter is given to has no task at all."""
    return "no task matches the filter" if wanted else "there are no tasks yet"


def matches_path(project: Project, names: Sequence[str], wanted: Filter) -> tuple[str, ...]:
    """Return what the filter leaves of the named tasks, or of all; UsageError for nothing."""
    if not wanted:
        return tuple(names)
    snapshot = Snapshot.of(project)
    tasks = [project.find_task(name, snapshot.tasks) for name in names] or snapshot.tasks
    found = select(project, map(snapshot.state_of, tasks), wanted)
    if not found:
        raise UsageError(none_meant(wanted), next_steps=[commands.list_tasks()])
    return tuple(task.path for task in found)


def next_ready(project: Project) -> tuple[list[TaskSummary], list[TaskSummary]]:
    """Return the tasks that are ready, and those that wait for a person, each by priority."""
    snapshot = Snapshot.of(project)
    ranked = snapshot.ranked(
        task for task in snapshot.task_states().values() if task.ready or task.needs_human
    )
    ready, waiting = (
        [task_views.task_summary(task) for task in ranked if task.needs_human is for_person]
        for for_person in (False, True)
    )
    return ready, waiting


def _sorted(snapshot: Snapshot, query: TaskQuery, found: list[TaskState]) -> list[TaskState]:
    if query.sort == "priority":
        return snapshot.ranked(found)
    if any(task.orphaned for task in found):  # all others are in the order of their paths
        found = sorted(found, key=lambda task: natural_key(task.path))
    match query.sort:
        case "status":
            return sorted(found, key=lambda task: _ORDER.index(task.entry.status))
        case "updated":
            return sorted(found, key=lambda task: task.entry.updated_at or "", reverse=True)
        case _:
            return found


def _page(found: list[TaskState], query: TaskQuery) -> list[TaskState]:
    start = 0
    if query.cursor is not None:
        places = [number for number, task in enumerate(found) if task.path == query.cursor]
        if not places:
            raise UsageError(f"unknown cursor {query.cursor!r}: start again without one")
        start = places[0] + 1
    return found[start:] if query.limit is None else found[start : start + query.limit]


def _counts(found: Iterable[TaskState]) -> dict[str, int]:
    """Return how many tasks there are of each display status that there is."""
    counted = Counter(task.display_status for task in found)
    return {status: counted[status] for status in DISPLAY_STATUSES if counted[status]}


def _list_facts(
    found: list[TaskState], waiting: list[TaskState], in_all: int, *, ranked: bool
) -> ListFacts:
    """Return what decides about the next step, without ranking tasks that are not `ranked` yet."""
    ready = [task for task in found if task.ready]
    facts = ListFacts(
        total=len(found),
        in_all=in_all,
        ready=len(ready),
        waiting=len(waiting),
        landing=tuple(task.entry.last_run_id or "" for task in found if task.lands),
        unmerged=tuple(task.path for task in found if task.unmerged),
    )
    # Whoever asks this can mostly do something else than a task for a person.
    able = ready or waiting
    if not able:
        return _of_a_kind(facts, found)
    highest = max(task.task.priority for task in able)
    first, *others = [task for task in able if task.task.priority == highest]
    if ready and others and not ranked:
        return facts
    return facts._replace(
        first=first.path,
        manual=first.task.type is TaskType.MANUAL,
        stopped=first.entry.last_run_id if ready and first.interrupted else None,
    )


def _of_a_kind(facts: ListFacts, found: list[TaskState]) -> ListFacts:
    """Return the facts with the kind of the tasks, of which none can be started."""
    kinds = [_kind(task) for task in found]
    kind = next((kind for kind in LIST_KINDS if kind in kinds), None)
    if kind is None:
        return facts
    first = found[kinds.index(kind)].path
    return facts._replace(kind=kind, alike=kinds.count(kind), first=first)


def _kind(task: TaskState) -> ListKind:
    if task.orphaned:
        return "orphaned"
    if task.open:
        return "in_progress" if task.entry.status is State.IN_PROGRESS else "blocked"
    return "stale" if task.stale else "completed"
