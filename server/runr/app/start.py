"""Run a task: every refusal before anything is recorded, then a detached run or a session's."""

import os
import shutil
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from runr.app import view
from runr.app.answers import RunAnswer
from runr.app.board import Board
from runr.app.claim import claim, refuse_if_alive
from runr.app.project import Project
from runr.app.terms import write_down
from runr.core import stops
from runr.core.config import Config
from runr.core.prompt import compose
from runr.core.runstate import RunStart, RunState
from runr.core.standing import Standing
from runr.core.status import Entry, State
from runr.core.task import Task, TaskType
from runr.engine import local
from runr.errors import (
    BlockedError,
    NeedsHumanError,
    RepositoryError,
    RunrError,
    UsageError,
)
from runr.git import snapshot, worktree
from runr.store import files, runlog, runrfolder, taskfiles
from runr.store.layout import RunFiles
from runr.workers import catalog


class RunRequest(BaseModel):
    """A wish to run a task; `force` goes past open dependencies, and is recorded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    worker: str | None = None
    in_place: bool = False
    force: bool = False
    session_id: str | None = None


def run_task(project: Project, request: RunRequest) -> RunAnswer:
    """Start a run and return at once.

    Raises, with nothing recorded: UnknownNameError, UsageError (a broken task
    file, already completed, inside another run), NeedsHumanError (manual),
    BlockedError, AlreadyRunningError, WorkerUnavailableError, RepositoryError.
    """
    board = Board.of(project)
    task = project.find_task(request.task, board.tasks)
    entry = board.entry(task)
    mine = _open_session_run(project, entry, request)
    if mine is not None:
        return _session_answer(project, *mine)
    forced = _refuse(project, board.standing(task), board.blockers(task), request)
    config = project.config()
    worker = request.worker or task.worker or config.run.worker
    if worker != "session":
        catalog.available((worker, *config.run.fallback), config, project.environment)
    run, start = _open(project, task, config, worker=worker, request=request, forced=forced)
    return _begin(project, run, start, entry)


def _refuse(
    project: Project, standing: Standing, blockers: Sequence[str], request: RunRequest
) -> str | None:
    """Raise for everything that keeps the task from being run; return what `force` went past."""
    task, entry = standing.task, standing.entry
    outer = project.environment.get("RUNR_RUN_ID")
    if outer:
        raise UsageError(f"this is inside run {outer}: a run does not start runs")
    if task.error is not None:
        raise UsageError(f"{task.path} cannot be run: {_place(task)}{task.error.message}")
    if entry.status is State.IN_PROGRESS:
        refuse_if_alive(project, entry)
    if task.type is TaskType.MANUAL:
        raise NeedsHumanError(
            f"{task.name} is manual: a person does it, then says so",
            next_steps=[_shell("runr task-status", task), _complete_command(task)],
        )
    if entry.status is State.COMPLETED and not standing.stale and not request.force:
        raise UsageError(
            f"{task.name} is already completed (by {entry.completed_by})",
            next_steps=[_shell("runr task-status", task), _shell("runr run --force --task", task)],
        )
    if blockers and not request.force:
        raise BlockedError(
            f"{task.name} waits for {', '.join(blockers)}",
            next_steps=["runr list-tasks --ready", _shell("runr run --force --task", task)],
        )
    if project.repo.head() is None:
        raise RepositoryError(
            "this repository has no commits yet, so a run has nothing to start from",
            next_steps=["git commit --allow-empty -m 'Start'"],
        )
    return f"open dependencies: {', '.join(blockers)}" if blockers else None


def _open(
    project: Project,
    task: Task,
    config: Config,
    *,
    worker: str,
    request: RunRequest,
    forced: str | None,
) -> tuple[RunFiles, RunStart]:
    """Claim a run's folder and write down what the run will be judged by."""
    repo, layout = project.repo, project.layout
    runrfolder.ensure(layout)
    base = repo.head()
    if base is None:
        raise RepositoryError("this repository has no commits yet")
    run = runlog.claim(layout, project.clock(), project.suffixes)
    own_tree = worker != "session" and not request.in_place
    start = RunStart(
        task=task.path,
        **dict(write_down(project, run, task, config)),
        worker=worker,
        in_place=not own_tree,
        workdir=str(layout.worktree(run.id) if own_tree else layout.root),
        base_sha=base,
        base_tree=repo.text("rev-parse", f"{base}^{{tree}}") if own_tree else snapshot.take(repo),
        branch=worktree.branch_name(task.name.removesuffix(".md"), run.id) if own_tree else None,
        target=repo.branch(),
        session_id=request.session_id if worker == "session" else None,
        forced=forced,
    )
    return run, start


def _begin(project: Project, run: RunFiles, start: RunStart, seen: Entry) -> RunAnswer:
    """Record the run, take the task, and let the worker go."""
    context = project.context(run)
    lock = files.hold(run.lock)
    if lock is None:
        raise RunrError(f"run {run.id} is locked by another process")
    try:
        state = context.log.append("run.created", start.model_dump(mode="json"))
        try:
            claim(project, state, seen=seen)
        except RunrError:
            shutil.rmtree(run.folder)  # it never began: no task was taken, nothing was done
            raise
        if state.by_session:
            return _session_answer(project, run, _open_work(project, run))
        local.start(project.layout, run, lock, project.environment)
    finally:
        os.close(lock)
    shown = view.run(state, run)
    return RunAnswer(run=shown, next=f"It runs by itself. Follow it: task-status {start.task!r}.")


def _open_work(project: Project, run: RunFiles) -> RunState:
    log = project.context(run).log
    log.append("phase.started", {"phase": "prepare"})
    log.append("phase.finished", {"phase": "prepare", "outcome": "ok"})
    return log.append("phase.started", {"phase": "work", "attempt": 1})


def _open_session_run(
    project: Project, entry: Entry, request: RunRequest
) -> tuple[RunFiles, RunState] | None:
    """Return the run that this very session has open on the task."""
    if request.worker != "session" or entry.status is not State.IN_PROGRESS:
        return None
    run = project.layout.run(entry.last_run_id or "")
    state = runlog.state(run)
    if state is None or not state.by_session or state.start.session_id != request.session_id:
        return None
    return run, state


def _session_answer(project: Project, run: RunFiles, state: RunState) -> RunAnswer:
    body = taskfiles.text_of(run.task.read_bytes())
    name = state.start.task.removeprefix(".runr/tasks/")
    return RunAnswer(
        run=view.run(state, run, now=project.now()),
        brief=compose(state.start, body, state if state.checks else None),
        next=f"You are the worker: do what the brief says, then complete-task {name!r}.",
    )


def _place(task: Task) -> str:
    line = task.error.line if task.error else None
    return f"line {line}: " if line else ""


def _shell(command: str, task: Task) -> str:
    return f"{command} {stops.quoted(task.name)}"


def _complete_command(task: Task) -> str:
    return f"{_shell('runr complete-task', task)} --reason 'what was done'"
