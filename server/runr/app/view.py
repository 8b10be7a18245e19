"""Models of the core turned into answers."""

from typing import Any

from runr.app.answers import CheckView, RunView, TaskRow, TaskView
from runr.app.board import Board
from runr.core import report, stops
from runr.core.runstate import RunState
from runr.core.status import Entry, State
from runr.core.task import Task, TaskType
from runr.store.layout import RunFiles


def is_stale(task: Task, entry: Entry) -> bool:
    """Tell whether the task's text has changed since it was completed."""
    known = entry.task_sha256
    return entry.status is State.COMPLETED and known is not None and known != task.sha256


def row(task: Task, board: Board) -> TaskRow:
    """Return one task's line in a list."""
    return TaskRow(**_facts(task, board))


def orphan(path: str, entry: Entry) -> TaskRow:
    """Return the line of a task whose file is gone."""
    return TaskRow(
        path=path,
        title=path.rsplit("/", 1)[-1],
        type="automated",
        orphaned=True,
        **_recorded(entry),
    )


def detail(task: Task, board: Board, *, why: str) -> TaskView:
    """Return everything that is known of one task."""
    entry = board.entry(task)
    return TaskView(
        **_facts(task, board),
        depends_on=list(task.depends_on),
        owns=list(task.owns),
        verify=list(task.verify),
        worker=task.worker,
        checkpoint_sha=entry.checkpoint_sha,
        reason=entry.reason,
        error=entry.error,
        attempts=entry.attempts,
        revision=entry.revision,
        why=why,
    )


def run(state: RunState, files: RunFiles, *, tail: int = 0, now: str | None = None) -> RunView:
    """Return where a run stands; `tail` is how much of failed checks' output to show."""
    return RunView(
        id=state.id,
        task=state.start.task,
        worker=state.done_by,
        status=state.ended or "running",
        phase=state.phase,
        seq=state.seq,
        attempt=state.attempt,
        created_at=state.created_at[:19] + "Z",
        ended_at=state.ended_at[:19] + "Z" if state.ended_at else None,
        seconds=round(report.elapsed(state, now), 1),
        verification=state.verification,
        checks=[
            CheckView(
                **check.model_dump(exclude={"tail"}),
                passed=check.passed,
                tail=check.tail[-tail:] if tail and not check.passed else "",
            )
            for check in state.checks
        ],
        violations=list(state.violations),
        stop_reason=state.stop,
        detail=state.detail,
        checkpoint_sha=state.checkpoint_sha,
        changed=state.changed,
        branch=state.start.branch,
        integration=state.integration,
        cost_usd=round(state.cost_usd, 6) if state.cost_usd is not None else None,
        input_tokens=state.input_tokens,
        output_tokens=state.output_tokens,
        session_id=state.sessions[-1] if state.sessions else state.start.session_id,
        approved_by=state.approval.by if state.approval else None,
        reason=state.approval.reason if state.approval else None,
        forced=state.start.forced,
        folder=str(files.folder),
        exit_code=exit_code(state),
        next=list(report.next_steps(state)),
    )


def exit_code(state: RunState) -> int | None:
    """Return what a command that waited for the run ends with; None while it runs."""
    if state.ended is None:
        return None
    return 0 if state.ended == "completed" else int(stops.find(state.stop or "error").exit_code)


def _facts(task: Task, board: Board) -> dict[str, Any]:
    entry = board.entry(task)
    done = entry.status is State.COMPLETED
    blocked = [] if done else list(board.blockers(task))
    stale = is_stale(task, entry)
    idle = entry.status is not State.IN_PROGRESS and (not done or stale)
    return {
        "path": task.path,
        "title": task.title,
        "type": task.type.value,
        "ready": idle and not blocked and task.error is None,
        "stale": stale,
        "unmerged": task.path in board.unmerged,
        "orphaned": False,
        "blocked_by": blocked,
        "tags": list(task.tags),
        "priority": task.priority,
        "problems": [
            f"{task.name}:{problem.line}: {problem.message}" if problem.line else problem.message
            for problem in task.problems
        ],
        **_recorded(entry),
    }


def _recorded(entry: Entry) -> dict[str, Any]:
    return {
        "status": entry.status.value,
        "verification": entry.verification.value,
        "evidence": entry.evidence.value if entry.evidence else None,
        "completed_at": entry.completed_at,
        "completed_by": entry.completed_by,
        "updated_at": entry.updated_at,
        "stop_reason": entry.stop_reason,
        "last_run_id": entry.last_run_id,
    }


def is_manual(task: Task) -> bool:
    """Tell whether a person does the task."""
    return task.type is TaskType.MANUAL
