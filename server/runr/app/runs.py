"""Runs: list them, read their report, stop them, take them up again."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from runr.app.answers import Done, RunAnswer, RunList, RunReport
from runr.app.holding import briefing, holder, launch
from runr.app.holding.claim import claim
from runr.app.holding.terms import write_down
from runr.app.project import Project
from runr.core import report, resume, stops
from runr.core.runstate import Phase, RunState, Terms
from runr.core.status import Entry, State
from runr.core.stops import quoted
from runr.engine import ending, local, reconcile, record
from runr.engine.context import RunContext
from runr.engine.handin import settle
from runr.errors import AlreadyRunningError, DamagedStateError, NeedsHumanError, UsageError
from runr.git import recover, worktree
from runr.store import files, runlog
from runr.store.layout import RunFiles

#: Seconds that a run gets to end its worker before it is ended itself.
_GRACE = 20.0

#: Seconds that a run's new process gets to write its id into the lock.
_SIGNING = 10.0


def list_runs(project: Project, *, limit: int | None = 20, task: str | None = None) -> RunList:
    """Return the latest runs, newest first, of all tasks or of one."""
    project.entries()  # ends the runs that died, so that the list is true
    path = project.find_task(task, project.tasks()).path if task else None
    shown = []
    for run_id in reversed(runlog.ids(project.layout)):
        files_ = project.layout.run(run_id)
        try:
            state = reconcile.end_if_dead(project.context(files_))
        except DamagedStateError as damage:
            project.warn(damage.message)
            continue
        if state is not None and path in (None, state.start.task):
            shown.append(holder.show(project, state, files_))
    return RunList(runs=shown if limit is None else shown[:limit], total=len(shown))


def read_report(project: Project, wanted: str) -> RunReport:
    """Return a run's report; one that is still running gets its report so far."""
    project.entries()
    run = project.find_run(wanted)
    before = runlog.require(run)
    state = settle(project.context(run), before)
    if state.ended and (state is not before or not run.report.exists()):
        record.story(project.context(run), state)
    text = (
        run.report.read_text(encoding="utf-8")
        if state.ended
        else report.render(state, runlog.events(run), ())
    )
    shown = holder.show(project, state, run, tail=6000)
    return RunReport(run=shown, markdown=text)


def stop_run(project: Project, wanted: str, reason: str | None = None) -> Done:
    """Ask a run to stop, then see to it; its work is kept, and who stopped it and why."""
    run = project.find_run(wanted)
    state = runlog.require(run)
    if state.ended:
        return Done(message=f"run {run.id} has already ended ({state.ended})")
    context = project.context(run)
    by_session = holder.SESSION in project.environment
    detail = _said(project, (reason or "").strip(), by_session=by_session)
    source = "session" if by_session else "person"
    context.log.append("stop.requested", {"detail": detail}, source=source)
    pid = None if state.by_session else _process_id(run)
    if state.by_session or pid is None:
        lock = files.hold(run.lock)
        if lock is None:
            raise AlreadyRunningError(f"run {run.id} is being completed at this moment")
        try:
            ending.stop(context, "stopped", detail)
        finally:
            os.close(lock)
    else:
        _end(run, pid)
        project.entries()
    state = runlog.require(run)
    return Done(message=f"run {run.id} is {state.ended}", next=list(report.next_steps(state)))


def _said(project: Project, reason: str, *, by_session: bool) -> str:
    if by_session:
        who = f"given up by session {project.environment[holder.SESSION]}"
    else:
        who = f"stopped by {project.repo.user() or 'a person'}"
    return f"{who}: {reason}" if reason else who


def _process_id(run: RunFiles) -> int | None:
    """Return the id of the run's process; one that was just started has yet to write it down."""
    deadline = time.monotonic() + _SIGNING
    while (pid := local.process_id(run)) is None and local.is_alive(run):
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return pid


def _end(run: RunFiles, pid: int) -> None:
    _tell(pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE
    while local.is_alive(run):
        if time.monotonic() > deadline:
            _tell(pid, signal.SIGKILL)
            deadline += _GRACE
        time.sleep(0.05)


def _tell(pid: int, how: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has come to its own end
        os.kill(pid, how)


def resume_run(project: Project, wanted: str, since: Phase | None = None) -> RunAnswer:
    """Take a stopped run up again where it stopped, or from `since`, with the work that it left."""
    entries = project.entries()
    run = project.find_run(wanted)
    state = runlog.require(run)
    refuse(state, entries.get(state.start.task, Entry()), since)
    terms = _terms(project, state)
    _refuse_for_a_person(state, terms, since)
    lock = files.hold(run.lock)
    if lock is None:
        raise AlreadyRunningError(f"run {run.id} is still at work", next_steps=[_follow(run)])
    try:
        start = state.start
        context = project.context(run)
        recover.clear_locks(project.repo, project.layout.worktrees)
        if start.branch is not None and state.phase is not Phase.RECORD:
            worktree.add(project.repo, Path(start.workdir), start.branch, start.base_sha)
        claim(project, state.model_copy(update={"ended": None, "stop": None}))
        state = context.log.append("run.resumed", _payload(terms, since))
        state = _joined(project, context, state)
        record.status(context, state)
        if not state.by_session:
            launch.start(project, run, lock)
    finally:
        os.close(lock)
    if state.by_session:
        return briefing.answer(project, run, state)
    follow = project.voice.status(start.task)
    return RunAnswer(run=holder.show(project, state, run), next=f"It goes on: {follow}.")


def _joined(project: Project, context: RunContext, state: RunState) -> RunState:
    """Let the session that takes its kind of run up hold it."""
    session_id = project.environment.get(holder.SESSION)
    if not state.by_session or session_id in (None, state.holder):
        return state
    payload = {"session_id": session_id, "from": state.holder, "why": "it took the run up again"}
    return context.log.append("session.joined", payload, source="session")


def _terms(project: Project, state: RunState) -> Terms | None:
    """Return the terms as they are today; those of a task whose file is gone stay."""
    task = next((task for task in project.tasks() if task.path == state.start.task), None)
    if task is None:
        return None
    if task.error is not None:
        raise UsageError(f"{task.path} cannot be run: {task.error.message}")
    run, worker = project.layout.run(state.id), state.start.worker
    return write_down(project, run, task, project.config(), worker=worker)


def _payload(terms: Terms | None, since: Phase | None) -> dict[str, Any]:
    known: dict[str, Any] = {"from": since} if since else {}
    return known | ({"terms": terms.model_dump(mode="json")} if terms else {})


def _refuse_for_a_person(state: RunState, terms: Terms | None, since: Phase | None) -> None:
    """Raise where a resume would only stop again, because a person's word is missing."""
    stop = stops.find(state.stop or "error")
    if stop.code not in stops.FOR_A_PERSON or since is Phase.WORK or state.approval is not None:
        return
    action = resume.follows(state, since)
    unjudged = action.phase is Phase.VERIFY and not (terms or state.start).checks
    if action.code in stops.FOR_A_PERSON or unjudged:
        steps = report.next_steps(state)
        words = ("runr complete-task", "runr approve")
        raise NeedsHumanError(
            f"run {state.id} waits for a person's word: {stop.meaning}",
            next_steps=sorted(steps, key=lambda step: not step.startswith(words)),
        )


def refuse(state: RunState, entry: Entry, since: Phase | None = None) -> None:
    """Raise for every run that cannot be resumed, or not from `since`."""
    if state.ended is None:
        raise AlreadyRunningError(
            f"run {state.id} has not stopped", next_steps=[f"runr follow {state.id}"]
        )
    name = quoted(state.start.task.removeprefix(".runr/tasks/"))
    if state.ended == "completed":
        raise UsageError(f"run {state.id} is completed: there is nothing to resume")
    if entry.status is State.COMPLETED and entry.last_run_id != state.id:
        raise UsageError(
            f"{state.start.task} has been completed since (by {entry.completed_by})",
            next_steps=[f"runr task-status {name}"],
        )
    if not stops.find(state.stop or "error").resumable or state.start.worker == "person":
        raise UsageError(
            f"run {state.id} cannot be resumed", next_steps=[f"runr run --task {name}"]
        )
    if since is not None and (why := resume.refusal(state, since)):
        raise UsageError(
            f"run {state.id} cannot go on from {since}: {why}",
            next_steps=[f"runr resume {state.id} --preview"],
        )


def _follow(run: RunFiles) -> str:
    return f"runr follow {run.id}"
