"""The obvious next thing: take up the latest run that stopped, or say what a person has to do."""

from typing import Literal

from pydantic import Field

from runr.app import runs
from runr.app.answers import Answer, RunView
from runr.app.project import Project
from runr.app.tasks import listing, view
from runr.core import enumeration, report, stops
from runr.core.runstate import RunState
from runr.core.status import Entry, State
from runr.core.stops import quoted
from runr.errors import DamagedStateError
from runr.store import runlog


class Onward(Answer):
    """What was done, or what there is to do.

    `action` is `resume` where the run was taken up, or would be with
    `dry_run`; `person` where somebody has to act on the stop; `wait` where
    runs are at work; `ready` and `nothing` where no run has stopped.
    """

    action: Literal["resume", "person", "wait", "ready", "nothing"]
    run: RunView | None = None
    message: str
    dry_run: bool = False
    next: list[str] = Field(default_factory=list)


def go_on(project: Project, *, dry_run: bool = False) -> Onward:
    """Resume the latest stopped run if a resume can help; otherwise say what can."""
    entries = project.entries()
    state = _latest_stop(project, entries)
    if state is None:
        return _without_a_stop(project, entries, dry_run=dry_run)
    stop = stops.find(state.stop or "error")
    name = state.start.task.removeprefix(".runr/tasks/")
    shown = view.run(state, project.layout.run(state.id), tail=1500, now=project.now())
    if stop.code in stops.FOR_A_PERSON or not stop.resumable:
        return Onward(
            action="person",
            run=shown,
            message=f"{name} waits for a person: {stop.meaning}",
            dry_run=dry_run,
            next=list(report.next_steps(state)),
        )
    message = f"run {state.id} of {name} stopped ({stop.code}: {stop.meaning})"
    if dry_run:
        steps = [f"runr resume {state.id} --preview", f"runr resume {state.id}"]
        return Onward(action="resume", run=shown, message=message, dry_run=True, next=steps)
    answer = runs.resume_run(project, state.id)
    return Onward(action="resume", run=answer.run, message=message, next=list(answer.run.next))


def _latest_stop(project: Project, entries: dict[str, Entry]) -> RunState | None:
    """Return the run that stopped last, of those that no other run of their task has replaced."""
    found = []
    for entry in entries.values():
        if entry.status not in (State.STOPPED, State.FAILED) or entry.last_run_id is None:
            continue
        try:
            state = runlog.state(project.layout.run(entry.last_run_id))
        except DamagedStateError as damage:
            project.warn(damage.message)
            continue
        if state is not None and state.ended == "stopped" and state.start.worker != "person":
            found.append(state)
    return max(found, key=lambda state: state.ended_at or "", default=None)


def _without_a_stop(project: Project, entries: dict[str, Entry], *, dry_run: bool) -> Onward:
    at_work = [entry.last_run_id for entry in entries.values() if entry.status is State.IN_PROGRESS]
    rows = listing.next_ready(project, kinds=("automated", "hybrid", "manual"))
    ready = [row.path.removeprefix(".runr/tasks/") for row in rows]
    told = f"ready: {enumeration.brief(ready, 5)}" if ready else "no task is ready"
    if at_work:
        follow = [f"runr follow {run_id}" for run_id in at_work if run_id]
        message = f"No run has stopped, {len(at_work)} at work; {told}"
        return Onward(action="wait", message=message, dry_run=dry_run, next=follow)
    verb = "task-status" if rows and rows[0].type == "manual" else "run --task"
    steps = [f"runr {verb} {quoted(ready[0])}", "runr list-tasks --ready"] if ready else []
    return Onward(
        action="ready" if ready else "nothing",
        message=f"No run has stopped; {told}",
        dry_run=dry_run,
        next=steps or ["runr list-tasks"],
    )
