"""Leases: a task has one holder at a time, and a conflict names the holder."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from runr import nofollow
from runr.config.settings import Config
from runr.errors import AlreadyRunningError, RunrError, UsageError
from runr.evidence import rebuild, resets
from runr.execution import inputs, process
from runr.execution.inside import run_around
from runr.git import hooks
from runr.lifecycle import shared_tree
from runr.next_steps import commands
from runr.next_steps.runs import after_brief, after_lease_conflict, while_running
from runr.project import Project
from runr.query import notes, presenters
from runr.query.detail_models import RunResult
from runr.query.presenters import SESSION, Holder
from runr.runs import journal, spec
from runr.runs.model import JobTerms, RunSpec, RunState
from runr.runs.prompts import session_brief
from runr.runs.session_events import SessionAttached
from runr.runs.spec import apply_overrides
from runr.status import store
from runr.status.model import Entry, State, fold
from runr.status.model import next_sequence as next_order
from runr.storage import files
from runr.storage.layout import RunFiles
from runr.tasks import repository
from runr.tasks.model import Task


def brief_session(project: Project, run: RunFiles, state: RunState) -> RunResult:
    """Return the brief of the session that works on the run."""
    body = repository.text_of(nofollow.read(run.task))
    noted = notes.format_notes(journal.events(run))
    before = shared_tree.changed_before(project.context(run).workspace(state), state)
    return RunResult(
        run=presenters.holder_details(project, state, run),
        brief=session_brief(state, body, before=before, notes=noted, surface=project.surface),
        next_steps=project.surface.lines(after_brief(state.start.task)),
    )


def claim_task(project: Project, state: RunState, *, seen: Entry | None = None) -> Entry:
    """Record that the task is in progress; AlreadyRunningError if another run holds it.

    Check and record are made under one lock, so of two runs that start at once
    exactly one succeeds. `seen` is the entry that the caller has seen: a task
    that was completed since is refused too.
    """
    task, now = state.start.task, project.now()

    def change(entries: dict[str, Entry]) -> dict[str, Entry]:
        entry = entries.get(task, Entry())
        if entry.status is State.IN_PROGRESS and entry.last_run_id not in (None, state.id):
            ensure_no_live_run(project, entry)
        late = seen is not None and seen.revision != entry.revision
        if late and entry.status is State.COMPLETED:
            raise AlreadyRunningError(
                f"{task} was completed meanwhile (by {entry.completed_by})",
                next_steps=[commands.report(entry.last_run_id or "latest")],
            )
        return entries | {task: fold(entry, state, now)}

    return store.update(project.layout, change, repair=project.repair)[task]


def refuse_nested(project: Project, doing: str = "start") -> None:
    """Raise UsageError inside a run, unless the settings let runs start, resume and stop runs."""
    outer = run_around(project.layout, project.environment)
    if outer and not project.config().run.nested:
        raise UsageError(
            f"this is inside run {outer}: a run does not {doing} runs",
            next_steps=["to allow it, set `nested = true` under [run] in .runr/config.toml"],
        )


def next_sequence(project: Project) -> int:
    """Return the sequence of a run that takes its task now: greater than all that is recorded."""
    entries = project.entries()
    if entries:
        # An older status file that was put back does not know of later resets.
        known = max((each.of_sequence for each in resets.read(project.layout)), default=0)
        return max(next_order(entries.values()), known + 1)
    # The status file may be gone, and the runs are here.
    return 1 + max((run.sequence for run in rebuild.runs(project.layout)), default=0)


def ensure_no_live_run(project: Project, entry: Entry) -> None:
    """Raise AlreadyRunningError if the run of the entry is active."""
    run = project.layout.run(entry.last_run_id or "")
    state = journal.state(run)
    if state is None or state.result:
        return
    if state.by_session:
        raise lease_conflict(project, state)
    if process.is_alive(run):
        raise AlreadyRunningError(
            f"run {state.id} is running on {state.start.task} (its own process)",
            next_steps=while_running(state.id),
        )


def lease_conflict(project: Project, state: RunState) -> AlreadyRunningError:
    """Return the error that names the session that holds the task, and how to take it over."""
    task = state.start.task
    session = SESSION in project.environment
    return AlreadyRunningError(
        f"run {state.id} is open on {task}: {Holder.of(project, state).message}",
        next_steps=after_lease_conflict(task, state.id, session=session),
    )


@contextmanager
def exclusive(run: RunFiles) -> Iterator[None]:
    """Hold the lease of the run; AlreadyRunningError if another process has it."""
    lock = files.hold(run.lock)
    if lock is None:
        raise AlreadyRunningError(f"run {run.id} is being completed by another process")
    try:
        yield
    finally:
        os.close(lock)


def take_over(project: Project, state: RunState, session_id: str, why: str) -> RunState:
    """Give the open run of another session to this one; `why` is recorded."""
    run = project.layout.run(state.id)
    with exclusive(run):
        now = journal.require(run)
        if now.holder != state.holder or now.result:
            raise lease_conflict(project, now)
        attached = SessionAttached(session_id, why, previous_session_id=state.holder)
        return project.context(run).journal.append(attached, source="session")


def launch(project: Project, run: RunFiles, lock: int) -> None:
    """Start the process of the run and pass it the lock."""
    environment = dict(project.environment)
    try:
        if project.config().provenance.inject:
            environment |= hooks.injected_folder(project.repo, sys.executable, environment)
    except (OSError, RunrError) as error:
        # Commits that the worker makes itself do not name the run then; that does not stop a run.
        project.warn(f"the git hook could not be written: {error}")
    process.start_runner(project.layout, run, lock, environment)


def as_started(
    config: Config, task: Task, job: JobTerms | None, *, wait_for_limit: bool
) -> tuple[Config, Task]:
    """Return settings and task with what was asked of the run when it was started.

    A resume is held to the same: it would take a difference for a change by the worker.
    """
    changed: dict[str, object] = {}
    if wait_for_limit:
        changed["on_usage_limit"] = "wait"
    if job is not None:
        # A job begins a task afresh whose work does not fit to what has landed.
        changed |= {"on_usage_limit": job.on_usage_limit, "landing_attempts": 0}
        task = task._replace(timeout_s=job.timeout_s or task.timeout_s)
    if job is not None and job.attempts is not None:
        changed["attempts"] = job.attempts
    if job is not None and job.fallback:
        changed["fallback"] = job.fallback
    if job is not None:
        for limit in ("budget_usd", "max_tokens"):
            known = (getattr(config.run, limit), getattr(job, limit))
            changed[limit] = min((each for each in known if each is not None), default=None)
        task = _within_share(task, job)
    run = config.run.model_copy(update=changed)
    return config.model_copy(update={"run": run}), task


def _within_share(task: Task, job: JobTerms) -> Task:
    """Return the task without a budget of its own above the share of what the job had left."""
    options = task.worker_options
    if job.budget_usd is None or options.budget_usd is None:
        return task
    budget = min(options.budget_usd, job.budget_usd)
    return task._replace(worker_options=options._replace(budget_usd=budget))


def record_spec(
    project: Project, run: RunFiles, task: Task, config: Config, *, worker: str = "person"
) -> RunSpec:
    """Store the task's text and the settings with the run, and return its specification.

    Options of the task override those of the worker.
    """
    text = repository.read_content(project.layout, task.path).decode("utf-8", "surrogateescape")
    clean = project.context(run).journal.redact(text)
    files.replace(run.task, clean.encode("utf-8", "surrogateescape"))
    files.replace(
        run.config, apply_overrides(config, task, worker).model_dump_json(indent=1).encode() + b"\n"
    )
    return spec.build_spec(task, config)._replace(
        config_sha256=inputs.digest(run.config),
        copy_sha256=inputs.digest(run.task),
        refs_sha256=inputs.digest(run.refs),
    )
