"""Run a task: every refusal before anything is recorded, then a detached run or a session's."""

import os
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from runr import nofollow
from runr.config.settings import Config
from runr.errors import (
    BlockedError,
    NeedsHumanError,
    RepositoryError,
    RunrError,
    UsageError,
    VerificationError,
)
from runr.execution import completion, readiness, run_hooks
from runr.execution.context import RunContext
from runr.git import existing_commits, published, quarantine, staged_before, worktree
from runr.git import snapshot as git_snapshot
from runr.git.repo import Checkout, Repo
from runr.lifecycle import account_limits as limits
from runr.lifecycle import leases
from runr.lifecycle.leases import claim_task, ensure_no_live_run, record_spec
from runr.lifecycle.session import reattach
from runr.next_steps import commands, setup
from runr.next_steps.runs import after_start
from runr.project import Project
from runr.query import presenters
from runr.query.detail_models import RunResult
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.runs import journal, spec
from runr.runs.events import PhaseFinished, PhaseStarted
from runr.runs.model import JobTerms, Phase, RunCreated, RunState
from runr.status import store
from runr.status.model import Entry, State
from runr.storage import files, state_dir
from runr.storage.layout import RunFiles
from runr.tasks.empty_checks import explain
from runr.tasks.model import Task, TaskType
from runr.workers import registry


class RunRequest(BaseModel):
    """Arguments of `run_task`.

    `force` overrides open dependencies and missing programs, and is recorded.
    `wait_for_limit` waits for a usage limit of the worker's account to reset.
    `job` is what a job asks of the run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    worker: str | None = None
    in_place: bool = False
    force: bool = False
    wait_for_limit: bool = False
    session_id: str | None = None
    job: JobTerms | None = None


def run_task(project: Project, request: RunRequest) -> RunResult:
    """Start a run and return at once.

    Raises, with nothing recorded: UnknownNameError, UsageError (a broken task
    file, already completed, inside another run), NeedsHumanError (manual),
    BlockedError, AlreadyRunningError, WorkerUnavailableError, RepositoryError.
    """
    _refuse_inside(project, force=request.force)
    store.ensure_writable(project.layout, project.cache.statuses)
    snapshot = Snapshot.of(project)
    task = project.find_task(request.task, snapshot.tasks)
    entry = snapshot.entry(task)
    config, task = leases.as_started(
        project.config(), task, request.job, wait_for_limit=request.wait_for_limit
    )
    worker = request.worker or task.worker or config.run.worker
    mine = _rejoin(project, entry, worker, request)
    if mine is not None:
        return mine
    task_state = snapshot.state_of(task)
    blockers = _refuse(project, task_state, snapshot.blockers(task), request)
    if worker != "session":
        registry.available((worker, *config.run.fallback), config, project.environment)
        _warn_of_limit(project, worker, request)
    for name in (config.phases.plan, config.phases.review):
        if name != "off":
            registry.available((name,), config, project.environment)
    base, target = _base(project)
    specified = spec.build_spec(task, config)
    with project.doing("looking at what the run needs"):
        missing = readiness.ensure_ready(
            project.repo,
            project.environment,
            specified,
            own_tree=worker != "session" and not request.in_place,
            force=request.force,
            warn=project.warn,
            surface=project.surface,
        )
    for command in specified.empty_checks:
        project.warn(f"{explain(command)}, so it is no check")
    forced = "; ".join(each for each in (blockers, missing) if each) or None
    run, start = _open(
        project, task, config, base, target, worker=worker, request=request, forced=forced
    )
    if entry.status is State.COMPLETED and not task_state.unmerged:
        start = start._replace(was_completed=True, was_stale=task_state.stale)
    return _begin(project, run, start, entry)


def _warn_of_limit(project: Project, worker: str, request: RunRequest) -> None:
    """Say that the account of the worker has reached its limit, where nothing waits for that."""
    limit = None if request.job or request.wait_for_limit else limits.of_worker(project, worker)
    if limit is not None:
        project.warn(f"{limit.describe()}; it may be too early")


def _refuse_inside(project: Project, *, force: bool) -> None:
    if force:
        project.refuse_inside("only a person forces a run")
    leases.refuse_nested(project)


def _refuse(
    project: Project, task_state: TaskState, blockers: Sequence[str], request: RunRequest
) -> str | None:
    """Raise for everything that keeps the task from being run; return what `force` overrides."""
    task, entry = task_state.task, task_state.entry
    if task.error is not None:
        raise UsageError(f"{task.path} cannot be run: {_place(task)}{task.error.message}")
    if entry.status is State.IN_PROGRESS:
        ensure_no_live_run(project, entry)
    if task.type is TaskType.MANUAL:
        raise NeedsHumanError(
            f"{task.name} is manual: a person does and completes it",
            next_steps=[commands.status(task.path), commands.attest(task.path)],
        )
    is_done = entry.status is State.COMPLETED and not task_state.stale and not task_state.unmerged
    if is_done and not request.force:
        raise UsageError(
            f"{task.name} is already completed (by {entry.completed_by})",
            next_steps=[commands.status(task.path), commands.run(task.path, force=True)],
        )
    if blockers and not request.force:
        raise BlockedError(
            f"{task.name} waits for {', '.join(blockers)}",
            next_steps=project.with_prerequisites(
                (commands.list_tasks("--ready"), commands.run(task.path, force=True))
            ),
        )
    return f"open dependencies: {', '.join(blockers)}" if blockers else None


def _base(project: Project) -> tuple[Checkout, str | None]:
    """Return what is checked out, and the branch, which the user may switch at this moment."""
    if project.branch is not None:
        known = project.repo.tip_of(project.branch)
        if known is None:
            raise RepositoryError(f"the branch {project.branch} is gone")
        return known, project.branch
    branch, base = project.repo.branch(), project.repo.checkout()
    while (now := project.repo.branch()) != branch:
        branch, base = now, project.repo.checkout()
    if base is None:
        raise RepositoryError(
            "this repository has no commits yet, so a run has nothing to start from",
            next_steps=(
                *setup.before_first_commit(project.repo.missing_identity()),
                setup.first_commit(),
            ),
        )
    return base, branch


def _open(
    project: Project,
    task: Task,
    config: Config,
    base: Checkout,
    target: str | None,
    *,
    worker: str,
    request: RunRequest,
    forced: str | None,
) -> tuple[RunFiles, RunCreated]:
    """Claim a run's folder and write down what the run is verified with."""
    repo, layout = project.repo, project.layout
    state_dir.ensure_state_dir(layout)
    run = journal.claim(layout, project.clock(), project.suffixes)
    own_tree = worker != "session" and not request.in_place
    files.replace(run.refs, existing_commits.note(repo) + published.note(repo))
    tree = base.tree if own_tree else _first_snapshot(quarantine.enter(repo, run.git_data))
    start = RunCreated(
        task=task.path,
        worker=worker,
        spec=record_spec(project, run, task, config, worker=worker),
        in_place=not own_tree,
        workdir=str(layout.worktree(run.id) if own_tree else project.tree),
        base_sha=base.commit,
        base_tree=tree,
        branch=worktree.branch_name(task.name.removesuffix(".md"), run.id) if own_tree else None,
        target=target,
        session_id=request.session_id if worker == "session" else None,
        override_reason=forced,
        sequence=leases.next_sequence(project),
        job=request.job,
        wait_for_limit=request.wait_for_limit,
    )
    return run, start


def _first_snapshot(repo: Repo) -> str:
    staged_before.remember(repo)
    return git_snapshot.take_first(repo)


def _begin(project: Project, run: RunFiles, start: RunCreated, seen: Entry) -> RunResult:
    """Record the run, take the task, and let the worker go."""
    context = project.context(run)
    lock = files.hold(run.lock)
    if lock is None:
        raise RunrError(f"run {run.id} is locked by another process")
    try:
        state = context.journal.append(start)
        try:
            claim_task(project, state, seen=seen)
        except RunrError:
            nofollow.remove_tree(run.folder)  # it never began: no task was taken, nothing was done
            raise
        if state.by_session:
            _ask_hooks(context, state)
            return leases.brief_session(project, run, _open_work(project, run))
        leases.launch(project, run, lock)
    finally:
        os.close(lock)
    shown = presenters.run_details(project, state, run)
    return RunResult(run=shown, next_steps=project.surface.lines(after_start(start.task)))


def _ask_hooks(context: RunContext, state: RunState) -> None:
    """Stop a session's run that a hook refuses before it begins; VerificationError then."""
    # A listing loads this module, and no event loop.
    import anyio  # noqa: PLC0415 - see above

    refusal = anyio.run(run_hooks.ask, context, state, "pre_run")
    if refusal is not None:
        completion.stop(context, "hook_refused", refusal)
        raise VerificationError(
            f"run {state.id} does not begin: {refusal}", next_steps=[commands.report(state.id)]
        )


def _open_work(project: Project, run: RunFiles) -> RunState:
    log = project.context(run).journal
    log.append(PhaseStarted(Phase.PREPARE))
    log.append(PhaseFinished(Phase.PREPARE, "ok"))
    return log.append(PhaseStarted(Phase.WORK, 1))


def _rejoin(project: Project, entry: Entry, worker: str, request: RunRequest) -> RunResult | None:
    if request.worker not in (None, "session"):
        return None
    return reattach(
        project,
        entry,
        session_id=request.session_id,
        working=worker == "session",
        force=request.force,
    )


def _place(task: Task) -> str:
    line = task.error.line if task.error else None
    return f"line {line}: " if line else ""
