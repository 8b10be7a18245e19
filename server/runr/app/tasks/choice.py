"""Which task comes next, why that one, and why none of the others."""

from collections.abc import Sequence

from pydantic import Field

from runr.app.answers import Answer, RootCause, TaskRow
from runr.app.project import Project
from runr.app.tasks import view
from runr.app.tasks.board import Board
from runr.app.tasks.detail import why_not_done
from runr.app.tasks.listing import select
from runr.core.filter import EVERYTHING, Filter
from runr.core.standing import Standing
from runr.core.stops import quoted
from runr.core.urgency import Reach, urgent_first, why_first, why_later

#: How many of the others are explained one by one.
_SHOWN = 10


class Choice(Answer):
    """The task to do next, None where there is none.

    `unblocks` counts the open tasks that wait for it directly, `unblocks_all`
    those behind them too. `others` says why each other open task does not come
    first, `left_out` how many more there are. `waiting` are for a person.
    """

    task: TaskRow | None = None
    why: str
    unblocks: int = 0
    unblocks_all: int = 0
    ready: int = 0
    others: list[RootCause] = Field(default_factory=list)
    left_out: int = 0
    waiting: list[str] = Field(default_factory=list)
    next: list[str] = Field(default_factory=list)


def choose(project: Project, wanted: Filter = EVERYTHING, *, explain: bool = False) -> Choice:
    """Return the most urgent task that can be done without a person."""
    board = Board.of(project)
    standings = board.standings()
    backlog = board.backlog(standings)
    reach = backlog.reach()
    meant = select(project, standings.values(), wanted)
    ranked = urgent_first((task for task in meant if task.open or task.stale), reach)
    ready = [task for task in ranked if task.ready and not task.waiting]
    waiting = [task for task in ranked if task.waiting]
    others = [task for task in ranked if not ready or task is not ready[0]]
    shown = others[:_SHOWN] if explain else []
    first = ready[0] if ready else None
    return Choice(
        task=view.row(first) if first else None,
        why=why_first(ready, reach) if ready else _why_none(ranked, waiting),
        unblocks=len(backlog.unblocks.get(first.path, ())) if first else 0,
        unblocks_all=reach.get(first.path, 0) if first else 0,
        ready=len(ready),
        others=[RootCause(path=task.path, why=_why_not(task, first, reach)) for task in shown],
        left_out=len(others) - len(shown) if explain else 0,
        waiting=[task.path for task in waiting],
        next=_steps(first, waiting),
    )


def _why_none(open_tasks: Sequence[Standing], waiting: Sequence[Standing]) -> str:
    if not open_tasks:
        return "nothing is open"
    if waiting:
        return "what could go on waits for a person"
    return f"none of the {len(open_tasks)} open tasks can be started"


def _why_not(task: Standing, first: Standing | None, reach: Reach) -> str:
    if task.waiting:
        return f"waits for a person: {why_not_done(task)}"
    if task.ready and first is not None:
        return why_later(task, first, reach)
    return why_not_done(task)


def _steps(first: Standing | None, waiting: Sequence[Standing]) -> list[str]:
    if first is None:
        return ["runr list-tasks --waiting"] if waiting else ["runr list-tasks --blocked"]
    name = quoted(first.task.name)
    if first.interrupted and first.entry.last_run_id:
        return [f"runr task-status {name}", f"runr resume {first.entry.last_run_id}"]
    return [f"runr run --task {name}"]
