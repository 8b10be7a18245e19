"""Reset: a person takes back a completion that was given by mistake, or its commit as well."""

from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

from runr.errors import ConflictError, DamagedStateError, UsageError
from runr.evidence import equivalence
from runr.evidence.inference import Basis
from runr.execution import completion, own_changes, revert
from runr.execution.context import RunContext
from runr.git.merge import MergePlan, MergeRefusedError
from runr.git.repo import Repo
from runr.git.snapshot import changed
from runr.git.trailers import ManualTrailers
from runr.lifecycle import attest, statements
from runr.next_steps import commands
from runr.next_steps.tasks import after_reset
from runr.project import Project
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.runs import journal
from runr.runs.events import CheckpointFinished, PhaseStarted, RunApproved, RunCompleted
from runr.runs.model import Approval, Phase, RunState
from runr.status.model import Entry, State
from runr.tasks.model import TaskType


class ResetRequest(BaseModel):
    """Arguments of `reset`; `revert` also takes the commits of the task back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    reason: str
    by: str | None = None
    revert: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetResult(Result):
    """The completion that was taken back, and the completed tasks that are stale by it.

    `commit_sha` held the work. With `reverted` it is undone on the branch `reverted_on`: by
    the commit `revert_sha`, or by one that was there before.
    """

    task_path: str
    reset_by: str
    reason: str
    run_id: str
    commit_sha: str | None = None
    reverted: bool = False
    reverted_on: str | None = None
    revert_sha: str | None = None
    stale_dependents: list[str] = field(default_factory=list)


def reset(project: Project, request: ResetRequest) -> ResetResult:
    """Record that the task is not completed after all, and revert its commits if asked to.

    Raises UsageError for a task that is not completed, inside a run, and where no
    person is named; ConflictError, with nothing changed, where the commits cannot be
    reverted without touching later work or the user's own changes.
    """
    word = _word(project, request)
    snapshot = Snapshot.of(project)
    task_state = snapshot.state_of(project.find_task(request.task, snapshot.tasks))
    _refuse_unless_completed(task_state)
    entry = task_state.entry
    shas = _commits(project, entry) if request.revert else ()
    elsewhere = _landed_elsewhere(project, entry, shas)
    if elsewhere is None:
        shas = _rewritten(project.repo, shas)
    branch = elsewhere.integration.target if elsewhere else project.repo.branch()
    job = elsewhere.start.job if elsewhere else None
    if request.revert:
        _try_revert(project, task_state, shas, branch)
    with attest.open_person_run(
        project,
        task_state.task,
        kind="reset",
        target=branch,
        resets=entry.last_run_id,
        with_checks=False,
    ) as context:
        context.journal.append(RunApproved(*word), source="person")
        reverted = _revert(context, task_state, word, shas, branch) if shas else None
        state = context.journal.append(RunCompleted(), source="person")
        completion.write_status(context, state)
        completion.write_report(context, state)
    stale = sorted(_stale(Snapshot.of(project)) - _stale(snapshot))
    manual = task_state.task.type is TaskType.MANUAL
    return ResetResult(
        task_path=task_state.path,
        reset_by=word.signature,
        reason=word.reason,
        run_id=state.id,
        commit_sha=entry.checkpoint_sha,
        reverted=reverted is not None,
        reverted_on=branch if reverted is not None else None,
        revert_sha=reverted.new if reverted and reverted.how == "reverted" else None,
        stale_dependents=stale,
        next_steps=project.surface.lines(
            after_reset(
                task_state.path,
                manual=manual,
                stale=bool(stale),
                job_run_id=job.job_run_id if job else None,
            )
        ),
    )


def _word(project: Project, request: ResetRequest) -> Approval:
    project.refuse_inside("only a person resets a completion")
    if not request.reason.strip():
        raise UsageError("a reset requires a reason: it is recorded with the name of the person")
    steps = [commands.reset(request.task, revert=request.revert)]
    return statements.build_attestation(project, request.reason, request.by, steps)


def _refuse_unless_completed(task_state: TaskState) -> None:
    entry = task_state.entry
    if entry.status is State.IN_PROGRESS and entry.last_run_id:
        raise UsageError(
            f"{task_state.task.name} is not completed: run {entry.last_run_id} has not ended",
            next_steps=[commands.stop(entry.last_run_id), commands.why(task_state.path)],
        )
    if entry.status is not State.COMPLETED:
        raise UsageError(
            f"{task_state.task.name} is not completed, so there is nothing to reset",
            next_steps=[commands.why(task_state.path)],
        )


def _commits(project: Project, entry: Entry) -> tuple[str, ...]:
    """Return the commits with the work, the latest first."""
    state = journal.state(project.layout.run(entry.last_run_id)) if entry.last_run_id else None
    if state is not None and _confirms(state):
        state = _confirmed(project, state)
    elif state is not None and entry.checkpoint_sha not in state.checkpoints:
        state = None
    if state is not None:
        return own_changes.commits(project.repo, project.layout.run(state.id), state)
    if entry.checkpoint_sha is None:
        return ()
    _refuse_without_changes(project.repo, entry.checkpoint_sha)
    return (entry.checkpoint_sha,)


def _refuse_without_changes(repo: Repo, sha: str) -> None:
    """Raise UsageError for a commit that only names those with the work."""
    parent = repo.resolve(f"{sha}^1")
    if parent is None or changed(repo, parent, sha):
        return
    raise UsageError(
        f"commit {sha[:12]} has no changes: the work is in the commits that its message names, and "
        "there is no record here of the run that made it: revert those with git",
        next_steps=[commands.git("show", sha[:12])],
    )


def _confirms(state: RunState) -> bool:
    """Tell whether the run has changed nothing, and only confirmed an earlier completion."""
    candidate = state.verification.candidate
    return candidate is not None and candidate.confirms


def _confirmed(project: Project, confirmation: RunState) -> RunState:
    """Return the latest run with the work that was confirmed; UsageError where none is known."""
    task = confirmation.start.task
    for run_id in reversed(journal.ids(project.layout)):
        with suppress(DamagedStateError):
            state = journal.folded(project.layout.run(run_id))
            if state is None or state.start.task != task or state.result != "completed":
                continue
            earlier = state.sequence < confirmation.sequence
            made = state.checkpoints and state.start.kind == "attempt" and not _confirms(state)
            if made and earlier:
                return state
    raise UsageError(
        f"run {confirmation.id} only confirmed the work of {confirmation.task_name}, and there is "
        "no record here of the run that made it: revert its commit with git",
        next_steps=[commands.git("log", "--oneline"), commands.reset(task)],
    )


def _landed_elsewhere(project: Project, entry: Entry, shas: tuple[str, ...]) -> RunState | None:
    """Return the run whose work is where it landed, and not on what is checked out."""
    repo, head = project.repo, project.repo.head()
    state = journal.state(project.layout.run(entry.last_run_id)) if entry.last_run_id else None
    target = state.integration.target if state and shas else None
    tip = repo.resolve(f"refs/heads/{target}") if target else None
    if tip is None or (head and all(_leads_to(repo, sha, head) for sha in shas)):
        return None
    return state if all(_leads_to(repo, sha, tip) for sha in shas) else None


def _rewritten(repo: Repo, shas: tuple[str, ...]) -> tuple[str, ...]:
    """Return the commits with those in place of which HEAD has others with the same changes."""
    head = repo.head()
    if head is None or all(_leads_to(repo, sha, head) for sha in shas):
        return shas
    alike = equivalence.find_equivalents(repo, head, shas, ())
    found, is_whole = [], False
    for sha in shas:
        if sha in alike:
            found.append(alike[sha].commit.sha)
        elif not is_whole:
            found.append(sha)
        # A commit with the same tree may hold what was in several before.
        is_whole = alike[sha].basis is Basis.TREE if sha in alike else is_whole
    return tuple(dict.fromkeys(found))


def _leads_to(repo: Repo, sha: str, tip: str) -> bool:
    return repo.resolve(sha) is not None and repo.is_ancestor(sha, tip)


def _try_revert(
    project: Project, task_state: TaskState, shas: tuple[str, ...], branch: str | None
) -> None:
    """Raise ConflictError where the commits cannot be reverted, and leave nothing behind."""
    if not shas:
        raise UsageError(
            f"no commit is recorded for {task_state.task.name}, so there is nothing to revert",
            next_steps=[commands.reset(task_state.path)],
        )
    try:
        revert.refuse_impossible(project.repo, shas, branch)
    except MergeRefusedError as refused:
        raise _refusal(task_state, refused) from None


def _refusal(task_state: TaskState, refused: MergeRefusedError) -> ConflictError:
    why = revert.explain(refused)
    return ConflictError(
        f"the work of {task_state.task.name} is not reverted, and nothing was changed: {why}",
        next_steps=[commands.git("status"), commands.reset(task_state.path)],
    )


def _revert(
    context: RunContext,
    task_state: TaskState,
    word: Approval,
    shas: tuple[str, ...],
    branch: str | None,
) -> MergePlan:
    """Take the commits back on the branch; a record of the person comes before."""
    context.journal.append(PhaseStarted(Phase.CHECKPOINT))
    trailers = ManualTrailers(
        run_id=context.files.id,
        reason=context.journal.redact(word.reason),
        task=task_state.path,
        reset=True,
        relayed_by=word.relayed_by,
    )
    try:
        done = revert.revert(context, branch, shas, trailers)
    except MergeRefusedError as refused:
        completion.stop(context, "git_failed", str(refused))
        raise _refusal(task_state, refused) from None
    if done.how == "reverted":
        context.journal.append(CheckpointFinished("ok", commit_sha=done.new))
    return done


def _stale(snapshot: Snapshot) -> set[str]:
    return {path for path, each in snapshot.task_states().items() if each.stale}
