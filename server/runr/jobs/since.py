"""What has become of the tasks of a job that does not run any more: its record stays as it was."""

from collections.abc import Mapping

from runr.jobs import decisions
from runr.jobs.state import JobState, TaskProgress
from runr.project import Project
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.status.model import State
from runr.storage.files import is_held


def changes(project: Project, state: JobState) -> dict[str, str]:
    """Map tasks to what is true of them now, where that is not what the job has recorded.

    A job that is running records it itself.
    """
    if state.result is None and is_held(project.layout.job_run(state.id).lock):
        return {}
    states = Snapshot.of(project).task_states()
    found = {each.task: _change(each, states) for each in state.tasks}
    return {task: now for task, now in found.items() if now}


def _change(each: TaskProgress, states: Mapping[str, TaskState]) -> str:
    now = states.get(each.task)
    if now is None or now.orphaned:
        return "without a task file"
    entry = now.entry
    if each.detail == decisions.COMPLETED_SINCE:
        return ""  # the job says it already
    if entry.status is State.IN_PROGRESS:
        known = entry.last_run_id in (each.awaited_run_id, each.run_id)
        return "" if known else f"in progress (run {entry.last_run_id})"
    if each.status == "running" and entry.status is not State.COMPLETED:
        return f"{entry.stop_reason or entry.status.value} (run {each.run_id})"
    if each.status == "completed":
        return _of_completed(each, now)
    # One that is stale, or on another branch only, the job has seen and not counted.
    counts = entry.status is State.COMPLETED and not (now.stale or now.absent)
    return f"completed (by {entry.completed_by})" if counts else ""


def _of_completed(each: TaskProgress, now: TaskState) -> str:
    entry = now.entry
    if entry.status is State.COMPLETED:
        if now.stale:
            return f"stale: {'; '.join(reason.message for reason in now.stale_reasons)}"
        by_job = each.run_id is not None and entry.last_run_id not in each.runs
        again = by_job if each.found_by is None else entry.completed_by != each.found_by
        return f"completed again (by {entry.completed_by})" if again else ""
    if entry.reset_by is not None and entry.status is State.PENDING:
        return f"reset (by {entry.reset_by}: {entry.reason})"
    return now.unproved or f"{entry.status.value} (run {entry.last_run_id})"
