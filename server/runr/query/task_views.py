"""A task as an answer: its facts, and why it is not done."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from runr.next_steps.step import NextStep
from runr.next_steps.tasks import TaskFacts
from runr.query.models import TaskSummary
from runr.query.task_state import TaskState
from runr.runs import stop_reasons
from runr.status import branch
from runr.status.model import Entry, Evidence, State
from runr.tasks.model import TaskType
from runr.text import flat

if TYPE_CHECKING:
    from runr.query.detail_models import RunDetails, TaskFields


def task_summary(task_state: TaskState) -> TaskSummary:
    """Return one task's line in a list."""
    return TaskSummary(**task_facts(task_state))


def task_fields(
    task_state: TaskState, *, why: str, causes: Iterable[tuple[str, str]]
) -> "TaskFields":
    """Return all facts about one task."""
    from runr.query.detail_models import RootCause, TaskFields  # noqa: PLC0415 - not for listings

    task, entry = task_state.task, task_state.entry
    return TaskFields(
        **task_facts(task_state),
        depends_on=list(task.depends_on),
        owns=list(task.owns),
        verify=list(task.verify),
        root_causes=[RootCause(path=path, why=reason) for path, reason in causes],
        checkpoint_sha=entry.checkpoint_sha,
        reason=entry.reason,
        stop_detail=entry.stop_detail,
        run_count=entry.run_count,
        revision=entry.revision,
        why=why,
    )


def task_facts(task_state: TaskState) -> dict[str, Any]:
    """Return the fields that every answer about a task has."""
    task, entry = task_state.task, task_state.entry
    return {
        "path": task.path,
        "title": task.title,
        "status": entry.status.value,
        "type": task.type.value,
        "ready": task_state.ready,
        "needs_human": task_state.needs_human,
        "stale": task_state.stale,
        "stale_reasons": [stale_reason.message for stale_reason in task_state.stale_reasons],
        "unmerged": task_state.unmerged,
        "commit_place": branch.describe(task_state.absent) if task_state.absent else None,
        "rewritten_as": task_state.rewritten.describe() if task_state.rewritten else None,
        "unproved": task_state.unproved,
        "orphaned": task_state.orphaned,
        "blocked_by": list(task_state.blocked_by),
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
        "override_reason": entry.override_reason,
    }


def why_not_done(task_state: TaskState) -> str:
    """Say why the task is not done; of a completed one, on what evidence it is."""
    task, entry = task_state.task, task_state.entry
    if task.error is not None:
        return f"its file has a problem: {task.error.message}"
    if entry.status is State.COMPLETED:
        done = _completion(entry)
        objections = [reason.message for reason in task_state.stale_reasons]
        if task_state.absent:
            objections.insert(0, f"it is {branch.describe(task_state.absent)}")
        return f"{done}, but {'; '.join(objections)}" if objections else done
    if task_state.unproved:
        return f"recorded as completed, which nothing here proves: {task_state.unproved}"
    if entry.status is State.IN_PROGRESS:
        return f"run {entry.last_run_id} is in progress"
    if task_state.blocked_by:
        return f"blocked by {', '.join(task_state.blocked_by)}"
    if entry.stop_reason:
        meaning = stop_reasons.find(entry.stop_reason).meaning
        first = flat((entry.stop_detail or "").partition("\n")[0])
        return f"{meaning}: {first}" if first else meaning
    if entry.reset_run and entry.last_run_id == entry.reset_run:
        who = (entry.reset_by or "person:?").removeprefix("person:")
        client = who.removeprefix("client:")
        how = f"by {who}"
        if client != who:
            how = f"(relayed by {client}, confirmed by no person)"
        return f"its completion was reset {how}: {flat(entry.reason or '')}"
    return "a person has to do it" if task.type is TaskType.MANUAL else "no worker has run it yet"


def _completion(entry: Entry) -> str:
    match entry.evidence:
        case Evidence.VERIFIED:
            return f"its checks passed; its commit is {str(entry.checkpoint_sha)[:12]}"
        case Evidence.WORKSPACE:
            sha = str(entry.checkpoint_sha)[:12]
            return f"verified in the workspace, not on its commit {sha}"
        case Evidence.ATTESTED:
            who = (entry.completed_by or "person:?").removeprefix("person:")
            return f"attested by {who}: {flat(entry.reason or '')}"
        case Evidence.RELAYED:
            return f"relayed by {entry.client}, confirmed by no person: {flat(entry.reason or '')}"
        case _:
            return f"inferred from commit {str(entry.checkpoint_sha)[:12]}"


def next_step_facts(
    task: "TaskFields", run: "RunDetails | None", run_steps: tuple[NextStep, ...]
) -> TaskFacts:
    """Return what decides about the next steps of a task."""
    causes = [cause.path for cause in task.root_causes] or task.blocked_by
    own = [cause.why for cause in task.root_causes if cause.path == task.path]
    lands = task.stop_reason in stop_reasons.LANDABLE
    problems = [] if task.ready or task.needs_human or lands else [*task.problems, *own]
    return TaskFacts(
        path=task.path,
        status=task.status,
        manual=task.type == "manual",
        problem=problems[0] if problems else "",
        stale=task.stale,
        unmerged=task.unmerged,
        is_gone=task.commit_place == branch.describe("missing"),
        cause=causes[0] if causes and not own else None,
        checkpoint_sha=task.checkpoint_sha,
        run=run.id if run else None,
        phase=str(run.phase) if run else "",
        by_session=run is not None and run.worker == "session",
        is_active=run is not None and run.session == "active",
        for_person=run is not None and run.stop_reason in stop_reasons.FOR_A_PERSON,
        run_steps=run_steps,
    )
