"""Models of the core turned into answers."""

from collections.abc import Iterable
from typing import Any

from runr.app.answers import CheckView, RootCause, RunView, TaskRow, TaskView
from runr.core import report, stops
from runr.core.runstate import Approval, RunState
from runr.core.standing import Standing
from runr.core.task import Task, TaskType
from runr.store.layout import RunFiles


def row(standing: Standing) -> TaskRow:
    """Return one task's line in a list."""
    return TaskRow(**_facts(standing))


def detail(standing: Standing, *, why: str, causes: Iterable[tuple[str, str]]) -> TaskView:
    """Return everything that is known of one task."""
    task, entry = standing.task, standing.entry
    return TaskView(
        **_facts(standing),
        depends_on=list(task.depends_on),
        owns=list(task.owns),
        verify=list(task.verify),
        root_causes=[RootCause(path=path, why=reason) for path, reason in causes],
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
                flaky=check.flaky,
                tail=check.tail[-tail:] if tail and not check.passed else "",
            )
            for check in state.checks
        ],
        violations=list(state.violations),
        milestones=list(state.milestones),
        checkpoints=list(state.checkpoints),
        review=state.asked[-1] if state.asked else None,
        reviewed_by=state.reviewed_by,
        stop_reason=state.stop,
        detail=state.detail,
        checkpoint_sha=state.checkpoint_sha,
        changed=state.changed,
        branch=state.start.branch,
        integration=state.integration,
        cost_usd=round(state.cost_usd, 6) if state.cost_usd is not None else None,
        input_tokens=state.input_tokens,
        output_tokens=state.output_tokens,
        session_id=state.holder,
        approved_by=state.approval.by if state.approval and not state.rejected else None,
        rejected_by=state.rejection.by if state.rejected and state.rejection else None,
        reason=word.reason if (word := _last_word(state)) else None,
        forced=state.start.forced,
        folder=str(files.folder),
        exit_code=exit_code(state),
        next=list(report.next_steps(state)),
    )


def _last_word(state: RunState) -> Approval | None:
    return state.rejection if state.rejected else state.approval


def exit_code(state: RunState) -> int | None:
    """Return what a command that waited for the run ends with; None while it runs."""
    if state.ended is None:
        return None
    return 0 if state.ended == "completed" else int(stops.find(state.stop or "error").exit_code)


def _facts(standing: Standing) -> dict[str, Any]:
    task, entry = standing.task, standing.entry
    return {
        "path": task.path,
        "title": task.title,
        "status": entry.status.value,
        "type": task.type.value,
        "ready": standing.ready,
        "waiting": standing.waiting,
        "stale": standing.stale,
        "doubts": [doubt.told for doubt in standing.doubts],
        "unmerged": standing.unmerged,
        "orphaned": standing.orphaned,
        "blocked_by": list(standing.blocked_by),
        "tags": list(task.tags),
        "priority": task.priority,
        "worker": task.worker,
        "problems": [
            f"{task.name}:{problem.line}: {problem.message}" if problem.line else problem.message
            for problem in task.problems
        ],
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
