"""Take a task for a run: one holder at a time, and the second is told who the first is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from runr.app.holding.holder import SESSION, Holder
from runr.app.project import Project
from runr.core.runstate import RunState
from runr.core.status import Entry, State, fold
from runr.engine import local
from runr.errors import AlreadyRunningError
from runr.store import files, runlog, statusfile
from runr.store.layout import RunFiles


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
    run = project.layout.run(entry.last_run_id or "")
    state = runlog.state(run)
    if state is None or state.ended:
        return
    if state.by_session:
        raise held(project, state)
    if local.is_alive(run):
        raise AlreadyRunningError(
            f"run {state.id} is at work on {state.start.task} (its own process)",
            next_steps=[f"runr follow {state.id}", f"runr stop {state.id}"],
        )


def held(project: Project, state: RunState) -> AlreadyRunningError:
    """Return the refusal that says which session has the task, and how to get past it."""
    task = state.start.task
    taking = [project.voice.take_over(task).strip("`")] if project.environment.get(SESSION) else []
    return AlreadyRunningError(
        f"run {state.id} is open on {task}: {Holder.of(project, state).told}",
        next_steps=[
            f"runr report {state.id}",
            *taking,
            f"runr stop {state.id} --reason 'why it is given up'",
        ],
    )


@contextmanager
def alone(run: RunFiles) -> Iterator[None]:
    """Carry the run on with nobody else beside us."""
    lock = files.hold(run.lock)
    if lock is None:
        raise AlreadyRunningError(f"run {run.id} is being completed by somebody else")
    try:
        yield
    finally:
        os.close(lock)


def take_over(project: Project, state: RunState, session_id: str, why: str) -> RunState:
    """Let a session go on with the open run of another; the record says why it may."""
    run = project.layout.run(state.id)
    with alone(run):
        now = runlog.require(run)
        if now.holder != state.holder or now.ended:
            raise held(project, now)
        payload = {"session_id": session_id, "from": state.holder, "why": why}
        return project.context(run).log.append("session.joined", payload, source="session")
