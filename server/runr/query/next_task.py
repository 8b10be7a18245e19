"""Which task comes next, why that one, and why none of the others."""

from collections.abc import Sequence

from pydantic import Field

from runr.project import Project
from runr.query import presenters
from runr.query.detail import why_not_done
from runr.query.filters import MATCH_ALL, Filter
from runr.query.listing import select
from runr.query.models import Result, RootCause, TaskSummary
from runr.query.snapshot import Snapshot
from runr.query.task_state import Reach, TaskState, by_urgency, explain_first, explain_later
from runr.runs.stop_reasons import quoted

#: How many of the others are explained one by one.
_SHOWN = 10


class NextTask(Result):
    """The task to do next, None where there is none.

    `unblocks` counts the open tasks that wait for it directly, `unblocks_all`
    those behind them too. `others` says why each other open task does not come
    first, `left_out` how many more there are. `waiting` are for a person.
    """

    task: TaskSummary | None = None
    why: str
    unblocks: int = 0
    unblocks_all: int = 0
    ready: int = 0
    others: list[RootCause] = Field(default_factory=list)
    left_out: int = 0
    waiting: list[str] = Field(default_factory=list)
    next: list[str] = Field(default_factory=list)


def choose_next(project: Project, wanted: Filter = MATCH_ALL, *, explain: bool = False) -> NextTask:
    """Return the most urgent task that can be done without a person."""
    snapshot = Snapshot.of(project)
    task_states = snapshot.task_states()
    backlog = snapshot.backlog(task_states)
    reach = backlog.reach()
    meant = select(project, task_states.values(), wanted)
    ranked = by_urgency((task for task in meant if task.open or task.stale), reach)
    ready = [task for task in ranked if task.ready and not task.waiting]
    waiting = [task for task in ranked if task.waiting]
    others = [task for task in ranked if not ready or task is not ready[0]]
    shown = others[:_SHOWN] if explain else []
    first = ready[0] if ready else None
    return NextTask(
        task=presenters.task_summary(first) if first else None,
        why=explain_first(ready, reach) if ready else _why_none(ranked, waiting),
        unblocks=len(backlog.unblocks.get(first.path, ())) if first else 0,
        unblocks_all=reach.get(first.path, 0) if first else 0,
        ready=len(ready),
        others=[RootCause(path=task.path, why=_why_not(task, first, reach)) for task in shown],
        left_out=len(others) - len(shown) if explain else 0,
        waiting=[task.path for task in waiting],
        next=_steps(first, waiting),
    )


def _why_none(open_tasks: Sequence[TaskState], waiting: Sequence[TaskState]) -> str:
    if not open_tasks:
        return "nothing is open"
    if waiting:
        return "what could go on waits for a person"
    return f"none of the {len(open_tasks)} open tasks can be started"


def _why_not(task: TaskState, first: TaskState | None, reach: Reach) -> str:
    if task.waiting:
        return f"waits for a person: {why_not_done(task)}"
    if task.ready and first is not None:
        return explain_later(task, first, reach)
    return why_not_done(task)


def _steps(first: TaskState | None, waiting: Sequence[TaskState]) -> list[str]:
    if first is None:
        return ["runr list-tasks --waiting"] if waiting else ["runr list-tasks --blocked"]
    name = quoted(first.task.name)
    if first.interrupted and first.entry.last_run_id:
        return [f"runr task-status {name}", f"runr resume {first.entry.last_run_id}"]
    return [f"runr run --task {name}"]
