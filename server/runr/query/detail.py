"""One task: its state, why it is not done, its last run and what to do next."""

from dataclasses import replace

from runr.errors import DamagedStateError
from runr.project import Project
from runr.query import task_views
from runr.query.detail_models import RunDetails, TaskDetails, TaskFields
from runr.query.models import DEFAULT_TAIL
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.runs import stop_reasons
from runr.runs.next_steps import Surface
from runr.status.model import Entry
from runr.tasks.model import Task

#: The latest notes of a run are shown; its report has them all.
_NOTES = 5


def task_status(project: Project, wanted: str, *, tail: int = DEFAULT_TAIL) -> TaskDetails:
    """Return everything about the task that `wanted` names, with its current or last run."""
    snapshot = Snapshot.of(project)
    task = project.find_task(wanted, snapshot.tasks)
    shown = task_details(task, snapshot)
    run = _last_run(project, snapshot.entry(task), tail)
    commits = _commits(project, task)
    return TaskDetails(
        task=shown, run=run, commits=commits, next_steps=[_advice(shown, run, project.surface)]
    )


def task_details(task: Task, snapshot: Snapshot) -> TaskFields:
    """Return the task with the reason why it is, or is not, done."""
    task_state = snapshot.state_of(task)
    causes = _root_causes(task_state, snapshot) if task_state.blocked_by else []
    return task_views.task_fields(
        task_state, why=task_views.why_not_done(task_state), causes=causes
    )


def _root_causes(blocked: TaskState, snapshot: Snapshot) -> list[tuple[str, str]]:
    task_states = snapshot.task_states()
    causes = snapshot.backlog().causes(blocked.path, task_states)
    return [(path, cause or task_views.why_not_done(task_states[path])) for path, cause in causes]


def _last_run(project: Project, entry: Entry, tail: int) -> RunDetails | None:
    if entry.last_run_id is None:
        return None
    # A task without a run does not need what reads runs.
    from runr.execution.session_handoff import record_session_usage  # noqa: PLC0415 - see above
    from runr.query import notes, presenters  # noqa: PLC0415 - see above
    from runr.runs import journal  # noqa: PLC0415 - see above

    files = project.layout.run(entry.last_run_id)
    try:
        state = journal.state(files)
    except DamagedStateError as damage:
        project.warn(damage.message)
        return None
    if state is None:
        return None
    state = record_session_usage(project.context(files), state)
    latest = notes.format_notes(journal.events(files))[-_NOTES:]
    return replace(presenters.holder_details(project, state, files, tail=tail), notes=latest)


def _commits(project: Project, task: Task) -> list[str]:
    """Return the commits whose trailers name the task, the latest first."""
    if project.repo.head() is None:
        return []
    from runr.git import checkpoint  # noqa: PLC0415 - a repository without commits needs it not

    refs = checkpoint.of_task(project.repo, task.path)
    return [f"{ref.sha[:12]} {ref.time[:10]} run:{', '.join(ref.run_ids)}" for ref in refs]


def _advice(task: TaskFields, run: RunDetails | None, surface: Surface) -> str:
    if task.status == "in_progress" and run is not None:
        if run.worker == "session":
            return _advice_on_session(task, run, surface)
        return f"Wait: run {run.id} is in phase {run.phase}. Ask {surface.status(task.path)} again."
    if task.status == "completed" and not task.stale:
        if task.unmerged and run is not None:
            merge = run.next_steps[0] if run.next_steps else f"git merge {task.checkpoint_sha}"
            return f"The checkpoint is not on this branch yet: {merge}"
        return "Nothing to do: the task is completed."
    if task.status == "completed":
        return f"See whether it still holds. To do it again: {surface.run(task.path)}."
    return _advice_on_open(task, run, surface)


def _advice_on_session(task: TaskFields, run: RunDetails, surface: Surface) -> str:
    again, done = surface.run(task.path, by_session=True), surface.complete(task.path)
    if run.session == "active":
        return f"Its session finishes the work, then {done}; {again} shows the brief again."
    return f"Its session is gone: {again} continues it, {done} completes what is there."


def _advice_on_open(task: TaskFields, run: RunDetails | None, surface: Surface) -> str:
    if task.blocked_by:
        return f"Complete first: {', '.join(task.blocked_by)}."
    if not task.ready and task.problems:
        return f"Fix the file first: {task.problems[0]}"
    if task.type == "manual":
        return f"A person does it, then: {surface.attest(task.path)}."
    if run is not None and run.stop_reason in stop_reasons.FOR_A_PERSON:
        return f"A person looks at it, then: {surface.attest(task.path)}."
    if run is not None and run.status == "stopped" and run.next_steps:
        return f"Read what failed, then: {run.next_steps[-1]}"
    return f"Start it: {surface.run(task.path)}."
