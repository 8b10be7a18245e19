"""The execution of a run: its phases, performed until it ends. Each phase is idempotent."""

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path

from runr.errors import GitError, RunrError, WorkerUnavailableError
from runr.execution import completion
from runr.execution.attempt import work
from runr.execution.context import RunContext
from runr.execution.review import run_plan, run_review
from runr.execution.verification import verify
from runr.git import checkpoint, merge, recovery, snapshot, submodules, worktree
from runr.git.repo import Repo
from runr.git.trailers import Trailers
from runr.runs import events, journal
from runr.runs.events import (
    CheckpointFinished,
    FinishedPhase,
    IntegrateFinished,
    PhaseFinished,
    PhaseStarted,
)
from runr.runs.machine import next_action
from runr.runs.model import Phase, RunState
from runr.scope import rules
from runr.storage import files

PhaseStep = Callable[[RunContext, RunState], Awaitable[FinishedPhase]]

#: How many uncommitted files are recorded.
_LEFT_DIRTY = 50


async def run_phases(context: RunContext) -> RunState:
    """Perform actions until the run has ended, or until its session has work to do."""
    state = journal.require(context.files)
    while True:
        action = next_action(state)
        if action.kind in ("rest", "wait"):
            return state
        if action.kind == "stop":
            return completion.stop(context, action.code or "error", state.detail)
        if action.kind == "complete":
            return completion.complete(context)
        phase = action.phase or Phase.PREPARE
        if not (state.phase_open and state.phase is phase):
            started = PhaseStarted(phase, action.attempt, _milestone(state, phase))
            state = context.journal.append(started)
        state = await _perform(context, state, phase)


async def _perform(context: RunContext, state: RunState, phase: Phase) -> RunState:
    try:
        finished = await STEPS[phase](context, state)
    except RunrError as error:
        finished = events.finished(phase, _stop_code(error), error.message)
    return context.journal.append(finished)


def _stop_code(error: RunrError) -> str:
    if isinstance(error, WorkerUnavailableError):
        return "worker_unavailable"
    return "git_failed" if isinstance(error, GitError) else "error"


def _milestone(state: RunState, phase: Phase) -> str | None:
    """Return the milestone that the phase works on, as it is shown to those who follow the run."""
    if phase is not Phase.WORK or not state.milestone:
        return None
    title = state.milestones[state.milestone - 1]
    return f"{state.milestone}/{len(state.milestones)} {title}"


async def prepare(context: RunContext, state: RunState) -> FinishedPhase:
    """Create the run's worktree, unless it works in the user's working tree."""
    start = state.start
    if start.branch is not None:
        path = Path(start.workdir)
        worktree.add(context.root, path, start.branch, start.base_sha)
        submodules.populate(context.root, Repo(path), fresh=True)
    return PhaseFinished(Phase.PREPARE, "ok")


async def commit(context: RunContext, state: RunState) -> FinishedPhase:
    """Commit what the run changed, with trailers that name the record."""
    start = state.start
    workspace = context.workspace(state)
    now, verified = snapshot.take(workspace), state.verification.tree
    if verified and now != verified:
        return CheckpointFinished("altered", _alteration(workspace, verified, now))
    made = checkpoint.commit(
        workspace,
        base=start.base_sha,
        base_tree=start.base_tree,
        after=state.checkpoints[-1] if state.checkpoints else start.base_sha,
        now=now,
        message=_message(state),
        trailers=Trailers(
            run_id=state.id,
            task=start.task,
            verified=state.verified_tiers,
            worker=state.last_worker,
            session=state.holder,
            milestone=f"{state.milestone}/{len(state.milestones)}" if state.milestone else None,
        ),
    )
    whole = made.parent == start.base_sha
    total = made.paths if whole else snapshot.changed(workspace, start.base_sha, made.sha)
    # In a tree of the run's own, nothing is left where all of the snapshot was committed.
    dirty = () if start.branch is not None and made.tree == now else workspace.dirty()
    left = {path for path in dirty if not rules.is_runrs(path)} - set(made.paths)
    return CheckpointFinished(
        "ok",
        commit_sha=made.sha,
        changed=len(total),
        left_dirty=tuple(sorted(left)[:_LEFT_DIRTY]),
    )


def _alteration(workspace: Repo, verified: str, now: str) -> str:
    # `runr clean` may have removed the snapshot that was verified.
    exists = workspace.answer("cat-file", "-e", verified) is not None
    changes = snapshot.changed(workspace, verified, now) if exists else ()
    names = ", ".join(change.path for change in changes[:5]) or "the snapshot is gone"
    return f"changed during the checks: {names}"


def _message(state: RunState) -> str:
    title = state.spec.title or state.start.task
    if not state.milestone:
        return title
    number, total = state.milestone, len(state.milestones)
    return f"{state.milestones[number - 1]}\n\nMilestone {number} of {total}: {title}"


async def integrate(context: RunContext, state: RunState) -> FinishedPhase:
    """Integrate the checkpoint into the branch that the run started from."""
    start = state.start
    if start.branch is None:
        return IntegrateFinished("ok", strategy="in-place", commit_sha=state.checkpoint_sha)
    # Runs that end together integrate one after the other, so that each sees the tip of the last.
    exclusive = (
        files.locked(context.layout.branch_lock(start.target)) if start.target else nullcontext()
    )
    with exclusive:
        if state.is_retry and state.checkpoint_sha and context.root.branch() == start.target:
            recovery.adopt(context.root, state.checkpoint_sha)
        done = merge.integrate(
            context.root,
            branch=start.branch,
            target=start.target,
            message=f"Merge {start.branch}: {state.spec.title or start.task}",
        )
    pending = done.how == "kept"
    return IntegrateFinished(
        "ok",
        detail=done.reason if pending else None,
        strategy="pending" if pending else done.how,
        commit_sha=done.sha,
        command=done.command,
    )


async def clean_up(context: RunContext, state: RunState) -> FinishedPhase:
    """Remove the run's worktree: what is worth keeping is committed or recorded."""
    start = state.start
    if start.branch is not None:
        worktree.remove(context.root, Path(start.workdir))
        if state.integration.strategy != "pending" and start.target is not None:
            worktree.delete_branch(context.root, start.branch, merged_into=start.target)
    return PhaseFinished(Phase.RECORD, "ok")


STEPS: dict[Phase, PhaseStep] = {
    Phase.PREPARE: prepare,
    Phase.PLAN: run_plan,
    Phase.WORK: work,
    Phase.VERIFY: verify,
    Phase.REVIEW: run_review,
    Phase.CHECKPOINT: commit,
    Phase.INTEGRATE: integrate,
    Phase.RECORD: clean_up,
}
