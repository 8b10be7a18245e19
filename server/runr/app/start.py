"""Run a task: every refusal before anything is recorded, then a detached run or a session's."""

import os
import shutil
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from runr.app.answers import RunAnswer
from runr.app.holding import briefing, launch
from runr.app.holding.claim import claim, refuse_if_alive
from runr.app.holding.rejoin import rejoin
from runr.app.holding.terms import write_down
from runr.app.project import Project
from runr.app.tasks import view
from runr.app.tasks.board import Board
from runr.core import stops
from runr.core.config import Config
from runr.core.runstate import RunStart, RunState
from runr.core.standing import Standing
from runr.core.status import Entry, State
from runr.core.task import Task, TaskType
from runr.errors import (
    BlockedError,
    NeedsHumanError,
    RepositoryError,
    RunrError,
    UsageError,
)
from runr.git import snapshot, worktree
from runr.store import files, runlog, runrfolder
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
    _refuse_inside(project)
    board = Board.of(project)
    task = project.find_task(request.task, board.tasks)
    entry = board.entry(task)
    config = project.config()
    worker = request.worker or task.worker or config.run.worker
    mine = _rejoin(project, entry, worker, request)
    if mine is not None:
        return mine
    forced = _refuse(project, board.standing(task), board.blockers(task), request)
    if worker != "session":
        catalog.available((worker, *config.run.fallback), config, project.environment)
    for name in (config.phases.plan, config.phases.review):
        if name != "off":
            catalog.available((name,), config, project.environment)
    run, start = _open(project, task, config, worker=worker, request=request, forced=forced)
    return _begin(project, run, start, entry)


def _refuse_inside(project: Project) -> None:
    outer = project.environment.get("RUNR_RUN_ID")
    if outer and not project.config().run.nested:
        raise UsageError(
            f"this is inside run {outer}: a run does not start runs",
            next_steps=["to allow it, set `nested = true` under [run] in .runr/config.toml"],
        )


def _refuse(
    project: Project, standing: Standing, blockers: Sequence[str], request: RunRequest
) -> str | None:
    """Raise for everything that keeps the task from being run; return what `force` went past."""
    task, entry = standing.task, standing.entry
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
        **dict(write_down(project, run, task, config, worker=worker)),
        worker=worker,
        in_place=not own_tree,
        workdir=str(layout.worktree(run.id) if own_tree else project.tree),
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
            return briefing.answer(project, run, _open_work(project, run))
        launch.start(project, run, lock)
    finally:
        os.close(lock)
    shown = view.run(state, run)
    follow = project.voice.status(start.task)
    return RunAnswer(run=shown, next=f"It runs by itself. Follow it: {follow}.")


def _open_work(project: Project, run: RunFiles) -> RunState:
    log = project.context(run).log
    log.append("phase.started", {"phase": "prepare"})
    log.append("phase.finished", {"phase": "prepare", "outcome": "ok"})
    return log.append("phase.started", {"phase": "work", "attempt": 1})


def _rejoin(project: Project, entry: Entry, worker: str, request: RunRequest) -> RunAnswer | None:
    if request.worker not in (None, "session"):
        return None
    return rejoin(
        project,
        entry,
        session_id=request.session_id,
        working=worker == "session",
        force=request.force,
    )


def _place(task: Task) -> str:
    line = task.error.line if task.error else None
    return f"line {line}: " if line else ""


def _shell(command: str, task: Task) -> str:
    return f"{command} {stops.quoted(task.name)}"


def _complete_command(task: Task) -> str:
    return f"{_shell('runr complete-task', task)} --reason 'what was done'"
