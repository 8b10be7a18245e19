"""Take a task for a run: one holder at a time, and the second is told who the first is."""

from runr.app.project import Project
from runr.core.runstate import RunState
from runr.core.status import Entry, State, fold
from runr.engine import local
from runr.errors import AlreadyRunningError
from runr.store import runlog, statusfile


def claim(project: Project, state: RunState, *, seen: Entry | None = None) -> Entry:
    """Record that the run is at work on its task; AlreadyRunningError if another one is.

    The check and the record happen under one lock, so of two that ask at once
    exactly one succeeds. `seen` is the entry on which the run was decided: who
    comes late finds the task completed, and is refused too.
    """
    task, now = state.start.task, project.now()

    def change(entries: dict[str, Entry]) -> dict[str, Entry]:
        entry = entries.get(task, Entry())
        if entry.status is State.IN_PROGRESS and entry.last_run_id not in (None, state.id):
            refuse_if_alive(project, entry)
        late = seen is not None and seen.revision != entry.revision
        if late and entry.status is State.COMPLETED:
            raise AlreadyRunningError(
                f"{task} was completed in this very moment (by {entry.completed_by})",
                next_steps=[f"runr report {entry.last_run_id}"],
            )
        return entries | {task: fold(entry, state, now)}

    return statusfile.update(project.layout, change, repair=project.repair)[task]


def refuse_if_alive(project: Project, entry: Entry) -> None:
    """Raise AlreadyRunningError if the entry's run is still carried on by somebody."""
    files = project.layout.run(entry.last_run_id or "")
    state = runlog.state(files)
    if state is None or state.ended or not (state.by_session or local.is_alive(files)):
        return
    holder = (
        f"session {state.start.session_id or 'unknown'}" if state.by_session else "its own process"
    )
    raise AlreadyRunningError(
        f"run {state.id} is at work on {state.start.task} ({holder})",
        next_steps=[f"runr follow {state.id}", f"runr stop {state.id}"],
    )
