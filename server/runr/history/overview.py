"""What is done since yesterday, running, waiting, stopped and stale, and what it cost."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from runr import nofollow
from runr.errors import DamagedStateError
from runr.history import figures, index, period, period_report
from runr.project import Project
from runr.query import listing
from runr.query.listing import TaskQuery
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.status.model import State

#: As many tasks are in each list; the counts are of all.
MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewTask:
    """A task in the overview: since when, and by whom on what evidence, or why not."""

    path: str
    title: str
    since: str | None = None
    evidence: str | None = None
    by: str | None = None
    stale: bool = False
    stop_reason: str | None = None
    why: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewPart:
    """The tasks of one kind, the latest first or the longest waiting; `count` is of all."""

    count: int = 0
    tasks: list[OverviewTask] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview(Result):
    """The state of a repository on one screen; `counts` has each task once, as lists do.

    `since` is the beginning of yesterday for the user; the cost and the tokens are of the runs
    since then, None where no worker reported any.
    """

    since: str
    done: OverviewPart
    running: OverviewPart
    waiting: OverviewPart
    stopped: OverviewPart
    stale: OverviewPart
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    total_count: int
    counts: dict[str, int]
    notes: list[str] = field(default_factory=list)


def overview(project: Project) -> Overview:
    """Return the overview; the statuses are those that count, the cost is from the history."""
    since = period.parse_moment("yesterday", project.clock().astimezone()).astimezone(UTC)
    states = list(Snapshot.of(project).task_states().values())
    listed = listing.list_tasks(project, TaskQuery(limit=0))
    used, notes = _used(project)
    done = [state for state in states if _is_done_since(state, since)]
    return Overview(
        since=period.written(since),
        done=_part(done, _completed_at, latest_first=True),
        running=_part(_with_status(states, State.IN_PROGRESS), _changed_at),
        waiting=_part([state for state in states if state.needs_human], _changed_at),
        stopped=_part(
            [
                state
                for state in _with_status(states, State.STOPPED, State.FAILED)
                if not state.needs_human
            ],
            _changed_at,
            latest_first=True,
        ),
        stale=_part([state for state in states if state.stale], _completed_at, latest_first=True),
        cost_usd=figures.cost(used),
        input_tokens=sum(each.input_tokens for each in used),
        output_tokens=sum(each.output_tokens for each in used),
        total_count=listed.total_count,
        counts=listed.counts,
        notes=notes,
        next_steps=listed.next_steps,
    )


def _used(project: Project) -> tuple[list[figures.WorkerUsage], list[str]]:
    """Return what was used since yesterday, and why that is not known."""
    if not nofollow.exists(project.layout.runs):
        return [], []
    wanted = period.make("yesterday", None, project.clock().astimezone())
    try:
        rows = index.ask(project, lambda found: period_report.gather_usage(found, wanted))
    except DamagedStateError as error:
        return [], [f"the cost is not known: {error.message}"]
    return figures.by_worker(rows), []


def _is_done_since(state: TaskState, since: datetime) -> bool:
    at = _completed_at(state)
    done = state.entry.status is State.COMPLETED and not state.orphaned
    return done and bool(at) and _moment(at) >= since


def _moment(time: str) -> datetime:
    try:
        read = datetime.fromisoformat(time)
    except ValueError:  # of a status file that was written by hand
        return datetime.min.replace(tzinfo=UTC)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _with_status(states: Iterable[TaskState], *wanted: State) -> list[TaskState]:
    return [state for state in states if state.entry.status in wanted and not state.orphaned]


def _completed_at(state: TaskState) -> str:
    return state.entry.completed_at or ""


def _changed_at(state: TaskState) -> str:
    return state.entry.updated_at or ""


def _part(
    states: list[TaskState], since: Callable[[TaskState], str], *, latest_first: bool = False
) -> OverviewPart:
    def when(state: TaskState) -> tuple[str, int]:
        return since(state), state.entry.sequence

    by_path = sorted(states, key=lambda state: state.path)
    ordered = sorted(by_path, key=when, reverse=latest_first)
    return OverviewPart(
        count=len(states), tasks=[_task(state, since(state)) for state in ordered[:MOST]]
    )


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
        stop_reason=entry.stop_reason,
        why=why or (state.task.type.value if state.needs_human and not entry.stop_reason else None),
        run_id=entry.last_run_id,
    )
