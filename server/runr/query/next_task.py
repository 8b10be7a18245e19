"""Which task comes next, why that one, and why none of the others."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from runr.next_steps.tasks import ListFacts, NextFacts, after_choice, after_list
from runr.project import Project
from runr.query import task_views
from runr.query.detail_models import RootCause
from runr.query.filters import MATCH_ALL, Filter
from runr.query.listing import none_meant, select
from runr.query.models import Result, TaskSummary
from runr.query.snapshot import Snapshot
from runr.query.task_state import Reach, TaskState, explain_first, explain_later, rank_tasks
from runr.text import join_limited

#: How many of the others are explained one by one.
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTask(Result):
    """The task to do next, None where there is none.

    `unblocks_count` counts the open tasks that depend on it directly,
    `unblocks_all_count` also those that depend on these. `others` says why the
    first of the `others_count` other open tasks do not come first. `needs_human_paths`
    are the paths of tasks that only a person can take further.
    """

    task: TaskSummary | None = None
    why: str
    unblocks_count: int = 0
    unblocks_all_count: int = 0
    ready_count: int = 0
    others: list[RootCause] = field(default_factory=list)
    others_count: int = 0
    needs_human_paths: list[str] = field(default_factory=list)


def choose_next(project: Project, wanted: Filter = MATCH_ALL, *, explain: bool = False) -> NextTask:
    """Return the ready task with the highest priority that needs no person."""
    snapshot = Snapshot.of(project)
    task_states = snapshot.task_states()
    reach = snapshot.reach()
    meant = select(project, task_states.values(), wanted)
    ranked = rank_tasks((task for task in meant if task.open or task.stale), reach)
    ready = [task for task in ranked if task.ready]
    waiting = [task for task in ranked if task.needs_human]
    others = [task for task in ranked if not ready or task is not ready[0]]
    shown = others[:_SHOWN] if explain else []
    first = ready[0] if ready else None
    landing = [task for task in ranked if task.lands]
    blocked = [task for task in ranked if task.blocked_by]
    why = _why_none(ranked, waiting, landing) if meant else none_meant(wanted)
    steps = (
        after_choice(_next_facts(first, waiting, landing, blocked))
        if meant
        else after_list(ListFacts(total=0, in_all=len(task_states)))
    )
    return NextTask(
        task=task_views.task_summary(first) if first else None,
        why=explain_first(ready, reach) if ready else why,
        unblocks_count=len(snapshot.backlog().unblocks.get(first.path, ())) if first else 0,
        unblocks_all_count=reach.get(first.path, 0) if first else 0,
        ready_count=len(ready),
        others=[RootCause(path=task.path, why=_why_not(task, first, reach)) for task in shown],
        others_count=len(others),
        needs_human_paths=[task.path for task in waiting],
        next_steps=project.surface.lines(project.with_prerequisites(steps)),
    )


def _why_none(
    open_tasks: Sequence[TaskState], waiting: Sequence[TaskState], landing: Sequence[TaskState]
) -> str:
    if not open_tasks:
        return "nothing is open"
    if landing:
        return f"verified work waits to land: {join_limited([t.task.name for t in landing], 3)}"
    if waiting:
        return "all startable work waits for a person"
    return f"none of the {len(open_tasks)} open tasks can be started"


def _why_not(task: TaskState, first: TaskState | None, reach: Reach) -> str:
    if task.needs_human:
        return f"waits for a person: {task_views.why_not_done(task)}"
    if task.ready and first is not None:
        return explain_later(task, first, reach)
    return task_views.why_not_done(task)


def _next_facts(
    first: TaskState | None,
    waiting: Sequence[TaskState],
    landing: Sequence[TaskState],
    blocked: Sequence[TaskState],
) -> NextFacts:
    return NextFacts(
        task=first.path if first else None,
        stopped=first.entry.last_run_id if first and first.interrupted else None,
        landing=tuple(task.entry.last_run_id or "" for task in landing),
        waiting=len(waiting),
        blocked=len(blocked),
    )
