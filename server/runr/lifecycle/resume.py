"""Resume the run that stopped last, and preview what a resume would do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from runr.errors import DamagedStateError
from runr.execution import since_stop
from runr.execution.context import RunContext
from runr.git import snapshot
from runr.lifecycle import runs
from runr.next_steps import commands
from runr.next_steps.runs import without_a_stop
from runr.project import Project
from runr.query import listing, presenters
from runr.query.detail_models import RunDetails
from runr.query.models import Result
from runr.runs import journal, resume, stop_reasons
from runr.runs.machine import Action
from runr.runs.model import Phase, RunState
from runr.status.model import Entry, State
from runr.tasks.model import short_name
from runr.text import join_limited


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeResult(Result):
    """What was resumed, or what else there is to do.

    `action` is `resume` where the run was resumed, or would be with `dry_run`;
    `person` where the stop needs a person; `wait` where runs are running;
    `ready` and `nothing` where no run has stopped.
    """

    action: Literal["resume", "person", "wait", "ready", "nothing"]
    run: RunDetails | None = None
    message: str
    dry_run: bool = False


def resume_latest(project: Project, *, dry_run: bool = False) -> ResumeResult:
    """Resume the run that stopped last, or return what a person can do instead."""
    entries = project.entries()
    state = _latest_stop(project, entries)
    if state is None:
        return _without_a_stop(project, entries, dry_run=dry_run)
    stop = stop_reasons.find(state.stop_reason or "error")
    name = short_name(state.start.task)
    shown = presenters.run_details(
        project,
        state,
        project.layout.run(state.id),
        tail=1500,
        now=project.now(),
    )
    if stop.code in stop_reasons.FOR_A_PERSON or not stop.resumable or state.reverted:
        return ResumeResult(
            action="person",
            run=shown,
            message=f"{name} waits for a person: {stop.meaning}",
            dry_run=dry_run,
            next_steps=shown.next_steps,
        )
    message = f"run {state.id} of {name} stopped ({stop.code}: {stop.meaning})"
    if dry_run:
        both = [commands.resume(state.id, preview=True), commands.resume(state.id)]
        steps = project.surface.lines(both)
        return ResumeResult(
            action="resume", run=shown, message=message, dry_run=True, next_steps=steps
        )
    answer = runs.resume_run(project, state.id)
    return ResumeResult(
        action="resume", run=answer.run, message=message, next_steps=answer.run.next_steps
    )


def _latest_stop(project: Project, entries: Mapping[str, Entry]) -> RunState | None:
    """Return the run that stopped last, of those that are the latest of their task."""
    found = []
    for entry in entries.values():
        if entry.status not in (State.STOPPED, State.FAILED) or entry.last_run_id is None:
            continue
        try:
            state = journal.state(project.layout.run(entry.last_run_id))
        except DamagedStateError as damage:
            project.warn(damage.message)
            continue
        if state is not None and state.result == "stopped" and state.start.worker != "person":
            found.append(state)
    return max(found, key=lambda state: (state.sequence, state.ended_at or ""), default=None)


def _without_a_stop(
    project: Project, entries: Mapping[str, Entry], *, dry_run: bool
) -> ResumeResult:
    running = [entry.last_run_id for entry in entries.values() if entry.status is State.IN_PROGRESS]
    ready, waiting = (
        [short_name(row.path) for row in rows] for rows in listing.next_ready(project)
    )
    known = [run_id for run_id in running if run_id]
    what = project.with_prerequisites(without_a_stop(known, ready, waiting))
    steps = project.surface.lines(what)
    summary = f"ready: {join_limited(ready, 5)}" if ready else "no task is ready"
    summary += f"; waiting for a person: {join_limited(waiting, 5)}" if waiting else ""
    if running:
        message = f"No run has stopped, {len(running)} running; {summary}"
        return ResumeResult(action="wait", message=message, dry_run=dry_run, next_steps=steps)
    return ResumeResult(
        action="ready" if ready or waiting else "nothing",
        message=f"No run has stopped; {summary}",
        dry_run=dry_run,
        next_steps=steps,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumePreview(Result):
    """The `phase` and `attempt` from which a run would resume, and its `changed` so far.

    `phase` is None where a person or a session has to act first. `changed` are the
    files that differ from the run's base.
    """

    run_id: str
    task_path: str
    stop_reason: str
    phase: str | None
    attempt: int
    workdir: str
    changed: list[str] = field(default_factory=list)
    message: str


def preview_resume(project: Project, wanted: str, since: Phase | None = None) -> ResumePreview:
    """Return what `resume_run` would do; raises the same errors."""
    entries = project.entries()
    state = journal.require(journal.find(project.layout, wanted))
    runs.refuse(state, entries.get(state.start.task, Entry()), since)
    action = resume.follows(state, since)
    performs = action.kind == "perform"
    again = (commands.resume(state.id, since=since or ""),)
    steps = again if performs else presenters.next_steps(state)
    return ResumePreview(
        run_id=state.id,
        task_path=state.start.task,
        stop_reason=state.stop_reason or "error",
        phase=action.phase if performs else None,
        attempt=action.attempt or state.attempt,
        workdir=state.start.workdir,
        changed=_work(project.context(project.layout.run(state.id)), state),
        message=_describe(action),
        next_steps=project.surface.lines(steps),
    )


def _describe(action: Action) -> str:
    if action.kind == "stop":
        return f"it would stop again at once: {stop_reasons.find(action.code or 'error').meaning}"
    if action.kind == "wait":
        return "its session has to continue the work"
    if action.phase is Phase.WORK:
        return f"the worker would get attempt {action.attempt}"
    return f"it would resume with {action.phase}, without another attempt"


def _work(context: RunContext, state: RunState) -> list[str]:
    """Return the files that the run has changed so far, committed or not."""
    start = state.start
    if (Path(start.workdir) / ".git").exists():
        workspace = context.workspace(state)
        base_tree = since_stop.find(context, state).base_tree
        changes = snapshot.changed(workspace, base_tree, snapshot.take(workspace))
    else:
        tip = context.root.resolve(f"refs/heads/{start.branch}") or start.base_sha
        changes = snapshot.changed(context.root, start.base_sha, tip)
    return [change.path for change in changes]
