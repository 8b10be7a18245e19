"""List runs, read their reports, stop and resume them."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from runr import nofollow
from runr.config.settings import Config
from runr.errors import (
    AlreadyRunningError,
    ChangedInputsError,
    DamagedStateError,
    NeedsHumanError,
    RepositoryError,
    UnknownNameError,
    UsageError,
)
from runr.execution import (
    completion,
    inputs,
    own_branch,
    process,
    readiness,
    reconcile,
    since_stop,
)
from runr.execution.context import RunContext
from runr.execution.session_handoff import record_session_usage
from runr.git import recovery, submodules, worktree
from runr.git.repo import Repo
from runr.lifecycle import leases
from runr.lifecycle.leases import claim_task, record_spec
from runr.lifecycle.statements import refuse_relayed
from runr.next_steps import commands
from runr.next_steps.runs import after_start, decision_first
from runr.project import Project
from runr.query import presenters
from runr.query.detail_models import RunDetails, RunList, RunReport, RunResult
from runr.runs import journal, report, resume, stop_reasons
from runr.runs.events import RunResumed, RunStopRequested
from runr.runs.model import Phase, RunSpec, RunState
from runr.runs.session_events import SessionAttached
from runr.runs.spec import apply_overrides
from runr.status import store
from runr.status.model import Entry, State, is_failed_rerun
from runr.storage import files
from runr.storage.layout import RunFiles
from runr.tasks.model import Task

#: Seconds that a run has to end its worker before it is killed.
_GRACE = 20.0

#: Seconds that the new process of a run has to write its id into the lock.
_SIGNING = 10.0


def list_runs(
    project: Project, *, limit: int | None = 20, among: Collection[str] | None = None
) -> RunList:
    """Return the latest runs, newest first, of all or of those `among` the ids."""
    project.entries()  # reconciles, so that dead runs are listed as stopped
    found = []
    damaged = 0
    for run_id in reversed(journal.ids(project.layout, among)):
        try:
            details = _details(project, project.layout.run(run_id))
        except DamagedStateError as damage:
            project.warn(damage.message)
            damaged += 1
            continue
        if details is not None:
            found.append(details)
    return RunList(
        runs=presenters.with_places(project, found if limit is None else found[:limit]),
        total_count=len(found),
        damaged_count=damaged,
        counts=dict(Counter(run.status for run in found)),
        next_steps=project.surface.lines([commands.rebuild()] if damaged else []),
    )


def _details(project: Project, run: RunFiles) -> RunDetails | None:
    """Return the run as it is now, ended if its process died; None before its first event."""
    if journal.is_foreign(run):
        other = journal.folded(run, any_clone=True)
        return presenters.foreign_details(project, other, run) if other else None
    state = reconcile.end_if_dead(project.context(run))
    return presenters.holder_details(project, state, run) if state else None


def require_ended_if_dead(project: Project, run: RunFiles) -> RunState:
    """Return a run's state, after ending it if its process died.

    The status file does not name it if that died as it began: its resume was recorded before.
    """
    reconcile.end_if_dead(project.context(run))
    return journal.require(run)


def read_report(project: Project, wanted: str) -> RunReport:
    """Return a run's report; one that is still running gets its report so far."""
    project.entries()
    run = project.find_run(wanted)
    if journal.is_foreign(run):
        return _foreign_report(project, run)
    before = journal.require(run)
    state = record_session_usage(project.context(run), before)
    if state.result and (state is not before or not nofollow.exists(run.report)):
        completion.write_report(project.context(run), state)
    text = (
        nofollow.read(run.report).decode()
        if state.result
        else report.render(state, journal.events(run), ())
    )
    text = report.with_hooks(text, state, journal.events(run))
    details = presenters.holder_details(project, state, run, tail=6000)
    (shown,) = presenters.with_places(project, [details])
    if shown.commit_place:
        headline, _, rest = text.partition("\n")
        text = f"{headline}\n\nIts commit is {shown.commit_place}.\n{rest}"
    return RunReport(run=shown, markdown=text)


def _foreign_report(project: Project, run: RunFiles) -> RunReport:
    state = journal.folded(run, any_clone=True)
    if state is None:
        raise UnknownNameError(f"run {run.id} has no events")
    text = report.render(state, journal.events(run, any_clone=True), (), foreign=True)
    return RunReport(run=presenters.foreign_details(project, state, run), markdown=text)


def stop_run(
    project: Project, wanted: str, reason: str | None = None, *, detail: str | None = None
) -> RunDetails:
    """Stop a run and return it; its work is kept, and who stopped it and why is recorded.

    `detail` says both, where it is not the user, or the session, that asks.
    """
    leases.refuse_nested(project, "stop")
    store.ensure_writable(project.layout)
    run = project.find_run(wanted)
    state = journal.require(run)
    if state.result:
        return presenters.run_details(project, state, run)
    context = project.context(run)
    by_session = presenters.SESSION in project.environment
    detail = detail or _stop_detail(project, (reason or "").strip())
    source = "session" if by_session else "person"
    context.journal.append(RunStopRequested(detail), source=source)
    pid = None if state.by_session else _process_id(run)
    if state.by_session or pid is None:
        lock = files.hold(run.lock)
        if lock is None:
            raise AlreadyRunningError(f"run {run.id} is being completed")
        try:
            completion.stop(context, "stopped", detail)
        finally:
            os.close(lock)
    else:
        _end(run, pid)
        project.entries()
    return presenters.run_details(project, journal.require(run), run)


def _stop_detail(project: Project, reason: str) -> str:
    if presenters.SESSION in project.environment:
        who = f"abandoned by session {project.environment[presenters.SESSION]}"
    else:
        who = f"stopped by {project.actor()}"
    return f"{who}: {reason}" if reason else who


def _process_id(run: RunFiles) -> int | None:
    """Return the id of the run's process; one that was just started has yet to write it down."""
    deadline = time.monotonic() + _SIGNING
    while (pid := process.process_id(run)) is None and process.is_alive(run):
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return pid


def _end(run: RunFiles, pid: int) -> None:
    _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE
    while process.is_alive(run):
        if time.monotonic() > deadline:
            _signal(pid, signal.SIGKILL)
            deadline += _GRACE
        time.sleep(0.05)


def _signal(pid: int, how: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has ended meanwhile
        os.kill(pid, how)


def resume_run(
    project: Project,
    wanted: str,
    since: Phase | None = None,
    *,
    accept_changes: bool = False,
    target: str | None = None,
) -> RunResult:
    """Resume a stopped run where it stopped, or from `since`, with its work so far.

    With `accept_changes` a person accepts what was changed of its settings and its
    task while its worker worked, and in place, of its files since it stopped; else that is a
    ChangedInputsError, or a MixedChangesError. Its work lands on `target` where that is given.
    """
    leases.refuse_nested(project)
    entries = project.entries()
    store.ensure_writable(project.layout)
    run = project.find_run(wanted)
    state = require_ended_if_dead(project, run)
    refuse(state, entries.get(state.start.task, Entry()), since)
    accepted_by = _accepted_by(project, run.id) if accept_changes else None
    base_tree = None if accept_changes else _base_tree(project, state)
    with inputs.kept_copies(run, state.spec):
        spec = _spec(project, state, accept_changes=accept_changes)
        _refuse_for_a_person(state, spec, since)
        resumed = RunResumed(since, spec, 0, accepted_by, target, base_tree)
        state = _restart(project, run, state, resumed)
    if state.by_session:
        return leases.brief_session(project, run, state)
    return RunResult(
        run=presenters.holder_details(project, state, run),
        next_steps=project.surface.lines(after_start(state.start.task, resumed=True)),
    )


def _accepted_by(project: Project, run_id: str) -> str:
    """Return the person who accepts what was changed; UsageError where none has confirmed it."""
    person = project.person(None)
    refuse_relayed(project, [commands.resume(run_id, accept_changes=True)])
    return person


def _restart(project: Project, run: RunFiles, state: RunState, resumed: RunResumed) -> RunState:
    """Record that the run is resumed, and start its process where it has one."""
    if state.stop_reason == "usage_limit" and (state.resets_at or "") > project.now():
        project.warn(f"the usage limit resets at {state.resets_at}: it may be too early")
    if project.branch is None and resumed.target is None:
        _say_where_it_lands(project, state)
    lock = files.hold(run.lock)
    if lock is None:
        raise AlreadyRunningError(
            f"run {run.id} is still running", next_steps=[commands.follow(run.id)]
        )
    try:
        start = state.start
        context = project.context(run)
        recovery.clear_locks(project.repo, project.layout.worktrees)
        readiness.ensure_ready(
            project.repo,
            project.environment,
            resumed.spec or state.spec,
            own_tree=start.branch is not None,
            force=True,
            warn=project.warn,
            surface=project.surface,
        )
        if start.branch is not None and state.phase is not Phase.RECORD:
            tip = own_branch.tip_if_deleted(context, state)
            _open_worktree(project, Path(start.workdir), start.branch, tip)
        if wrong := own_branch.why_absent(state):
            back = commands.git("switch", state.start.target or "")
            raise RepositoryError(wrong, next_steps=[back, commands.resume(run.id)])
        # Not after the claim: to look at the entries would end the run, which has no process yet.
        numbered = resumed._replace(sequence=leases.next_sequence(project))
        claim_task(project, state._replace(result=None, stop_reason=None))
        state = context.journal.append(numbered)
        state = _joined(project, context, state)
        completion.write_status(context, state)
        if not state.by_session:
            leases.launch(project, run, lock)
    finally:
        os.close(lock)
    return state


def _open_worktree(project: Project, path: Path, branch: str, tip: str) -> None:
    was_cut_off = path.is_dir() and not (path / ".git").exists()
    worktree.add(project.repo, path, branch, tip)
    if was_cut_off:
        project.warn(f"the .git of {path} was gone, and is written again")
    submodules.populate(project.repo, Repo(path), fresh=False)


def _base_tree(project: Project, state: RunState) -> str | None:
    """Return the tree with which the run began, with what the user has changed since its stop."""
    found = since_stop.find(project.context(project.layout.run(state.id)), state)
    since_stop.refuse_mixed(state, found)
    if not found.left:
        return None
    project.warn(since_stop.describe(found))
    return found.base_tree


def _say_where_it_lands(project: Project, state: RunState) -> None:
    """Say that the work of a run that a job began lands on the branch of the job."""
    job, branch = state.start.job, state.start.target
    if job is not None and branch != project.repo.branch():
        landing = project.surface.inline(commands.job_land(job.job_run_id))
        project.warn(f"{state.task_name} lands on {branch}, the branch of its job; then {landing}")


def _joined(project: Project, context: RunContext, state: RunState) -> RunState:
    """Attach the session that resumes the run."""
    session_id = project.environment.get(presenters.SESSION)
    if not state.by_session or session_id in (None, state.holder):
        return state
    attached = SessionAttached(session_id, "it resumed the run", previous_session_id=state.holder)
    return context.journal.append(attached, source="session")


def _spec(project: Project, state: RunState, *, accept_changes: bool) -> RunSpec | None:
    """Return the specification as of now; None for a task whose file is gone."""
    inputs.ensure_unchanged(project.layout.run(state.id), state.spec)
    task = next((task for task in project.tasks() if task.path == state.start.task), None)
    if task is None:
        return None
    if task.error is not None:
        raise UsageError(f"{task.path} cannot be run: {task.error.message}")
    run, worker = project.layout.run(state.id), state.start.worker
    if not accept_changes:
        _refuse_changes(project, state, task)
    config, task = _as_started(project, state, task)
    spec = record_spec(project, run, task, config, worker=worker)
    if state.phase in (Phase.INTEGRATE, Phase.RECORD):
        # What lands was made for the earlier text: the completion is stale.
        return spec._replace(task_sha256=state.spec.task_sha256)
    return spec


def _as_started(project: Project, state: RunState, task: Task) -> tuple[Config, Task]:
    start = state.start
    return leases.as_started(project.config(), task, start.job, wait_for_limit=start.wait_for_limit)


#: The settings by which finished work is verified.
_VERIFYING = ("verify.", "scope.", "phases.", "hooks.")


def _refuse_changes(project: Project, state: RunState, task: Task) -> None:
    """Raise ChangedInputsError for what was changed while a worker worked.

    What was changed after the run has stopped is the user's: no process of a worker is left. Of a
    run whose process died that is not known, and a session goes on after its run has stopped.
    """
    worked = state.phase_open and state.phase in (Phase.PLAN, Phase.WORK, Phase.REVIEW)
    unknown = state.by_session or (worked and state.stop_reason == "interrupted")
    if not (state.inputs_changed or unknown):
        return
    known = json.loads(nofollow.read(project.layout.run(state.id).config))
    config, _ = _as_started(project, state, task)
    now = apply_overrides(config, task, state.start.worker).model_dump(mode="json")
    found = inputs.differences(known, now)
    if not state.inputs_changed and state.by_session:
        # Its work is its own; what is done with it afterwards is not.
        found = [each for each in found if each.startswith(_VERIFYING)]
    if task.sha256 != state.spec.task_sha256:
        found.insert(0, f"the task {task.path}")
    if found:
        raise ChangedInputsError(
            f"run {state.id} began with other settings or another task, and they may have been "
            f"changed by its worker: {'; '.join(found)}",
            next_steps=[
                commands.git("diff", "--", ".runr"),
                commands.resume(state.id, accept_changes=True),
            ],
        )


def _refuse_for_a_person(state: RunState, spec: RunSpec | None, since: Phase | None) -> None:
    """Raise NeedsHumanError where a resume would stop again for want of a decision."""
    stop = stop_reasons.find(state.stop_reason or "error")
    if (
        stop.code not in stop_reasons.FOR_A_PERSON
        or since is Phase.WORK
        or state.decision.approval is not None
    ):
        return
    action = resume.follows(state, since)
    unjudged = action.phase is Phase.VERIFY and not (spec or state.spec).checks
    if action.code in stop_reasons.FOR_A_PERSON or unjudged:
        raise NeedsHumanError(
            f"run {state.id} waits for a person: {stop.meaning}",
            next_steps=decision_first(presenters.next_steps(state)),
        )


def refuse(state: RunState, entry: Entry, since: Phase | None = None) -> None:
    """Raise UsageError for a run that cannot be resumed, or not from `since`."""
    if state.result is None:
        raise AlreadyRunningError(
            f"run {state.id} has not stopped", next_steps=[commands.follow(state.id)]
        )
    if state.result == "completed":
        what = "a manual commit" if state.start.kind == "manual_commit" else "completed"
        raise UsageError(f"run {state.id} is {what}: there is nothing to resume")
    is_newer = entry.last_run_id != state.id and not (
        is_failed_rerun(state) and entry.sequence < state.sequence
    )
    if entry.status is State.COMPLETED and is_newer:
        raise UsageError(
            f"{state.start.task} has been completed since (by {entry.completed_by})",
            next_steps=[commands.status(state.start.task)],
        )
    if (
        not stop_reasons.find(state.stop_reason or "error").resumable
        or state.start.worker == "person"
    ):
        by_person = state.start.worker == "person"
        steps = report.next_steps(state) if by_person else (commands.run(state.start.task),)
        raise UsageError(f"run {state.id} cannot be resumed", next_steps=steps)
    if state.reverted:
        raise UsageError(
            f"run {state.id} cannot be resumed: what had landed of it is reverted by "
            f"{state.reverted[:12]}",
            next_steps=[commands.run(state.start.task)],
        )
    if since is not None and (why := resume.refusal(state, since)):
        raise UsageError(
            f"run {state.id} cannot be resumed from {since}: {why}",
            next_steps=[commands.resume(state.id, preview=True)],
        )
