"""The phases of a run, performed. Each may be repeated after a crash and ends the same."""

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path

from runr.errors import GitError, GuardError, RunrError, WorkerUnavailableError
from runr.execution import completion
from runr.execution.attempt import work
from runr.execution.context import PhaseOutcome, RunContext
from runr.execution.review import run_plan, run_review
from runr.execution.verification import verify
from runr.git import checkpoint, merge, recovery, snapshot, submodules, worktree
from runr.git.repo import Repo
from runr.git.trailers import Trailers
from runr.runs import journal
from runr.runs.machine import next_action
from runr.runs.model import Phase, RunState
from runr.scope import rules
from runr.storage import files

PhaseStep = Callable[[RunContext, RunState], Awaitable[PhaseOutcome]]


async def prepare(context: RunContext, state: RunState) -> PhaseOutcome:
    """Make the run's own working tree, unless it works in the user's."""
    start = state.start
    if start.branch is not None:
        path = Path(start.workdir)
        worktree.add(context.root, path, start.branch, start.base_sha)
        submodules.populate(context.root, Repo(path), fresh=True)
    return PhaseOutcome("ok")


async def commit(context: RunContext, state: RunState) -> PhaseOutcome:
    """Commit what the run changed, with trailers that name the record."""
    start = state.start
    workspace = context.workspace(state)
    now = snapshot.take(workspace)
    if state.tree and now != state.tree:
        # With the run's leftovers, `runr clean` removes the snapshot that was verified.
        known = workspace.answer("cat-file", "-e", state.tree)
        changes = () if known is None else snapshot.changed(workspace, state.tree, now)
        names = ", ".join(change.path for change in changes[:5]) or "the snapshot is gone"
        return PhaseOutcome("altered", {"detail": f"changed behind the checks: {names}"})
    session = state.sessions[-1] if state.sessions else start.session_id
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
            worker=state.done_by,
            session=session,
            milestone=f"{state.milestone}/{len(state.milestones)}" if state.milestone else None,
        ),
    )
    whole = made.parent == start.base_sha
    total = made.paths if whole else snapshot.changed(workspace, start.base_sha, made.sha)
    # In a tree of the run's own, nothing is left where all of the snapshot was committed.
    dirty = () if start.branch is not None and made.tree == now else workspace.dirty()
    left = {path for path in dirty if not rules.is_runrs(path)} - set(made.paths)
    return PhaseOutcome(
        "ok",
        {"sha": made.sha, "changed": len(total), "left_dirty": sorted(left)[:50]},
    )


def _message(state: RunState) -> str:
    title = state.start.title or state.start.task
    if not state.milestone:
        return title
    number, total = state.milestone, len(state.milestones)
    return f"{state.milestones[number - 1]}\n\nMilestone {number} of {total}: {title}"


async def integrate(context: RunContext, state: RunState) -> PhaseOutcome:
    """Bring the checkpoint into the branch that the run started from."""
    start = state.start
    if start.branch is None:
        return PhaseOutcome("ok", {"how": "in-place", "sha": state.checkpoint_sha})
    # Runs that end together wait for each other, so that each sees where the last one left it.
    alone = (
        files.locked(context.layout.branch_lock(start.target)) if start.target else nullcontext()
    )
    with alone:
        if state.redone and state.checkpoint_sha and context.root.branch() == start.target:
            recovery.adopt(context.root, state.checkpoint_sha)
        done = merge.integrate(
            context.root,
            branch=start.branch,
            target=start.target,
            message=f"Merge {start.branch}: {start.title or start.task}",
        )
    facts = {"how": done.how, "sha": done.sha, "command": done.command}
    return PhaseOutcome("ok", facts | ({"detail": done.reason} if done.how == "kept" else {}))


async def clean_up(context: RunContext, state: RunState) -> PhaseOutcome:
    """Put the run's working tree away: all that is worth keeping is on record."""
    start = state.start
    if start.branch is not None:
        worktree.remove(context.root, Path(start.workdir))
        if state.integration != "kept" and start.target is not None:
            worktree.delete_branch(context.root, start.branch, merged_into=start.target)
    return PhaseOutcome("ok")


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
        if not (state.open and state.phase is phase):
            payload = {"phase": phase, "attempt": action.attempt} | _milestone(state, phase)
            state = context.log.append("phase.started", payload)
        state = await _perform(context, state, phase)


async def _perform(context: RunContext, state: RunState, phase: Phase) -> RunState:
    try:
        outcome = await STEPS[phase](context, state)
    except RunrError as error:
        outcome = PhaseOutcome(_code(error), {"checks": [], "detail": error.message})
    return context.log.append(
        "phase.finished", {"phase": phase, "outcome": outcome.word} | outcome.facts
    )


def _milestone(state: RunState, phase: Phase) -> dict[str, str]:
    """Return, for those who follow, which part of its plan the run begins to work at."""
    if phase is not Phase.WORK or not state.milestone:
        return {}
    title = state.milestones[state.milestone - 1]
    return {"milestone": f"{state.milestone}/{len(state.milestones)} {title}"}


def _code(error: RunrError) -> str:
    if isinstance(error, WorkerUnavailableError):
        return "worker_unavailable"
    if isinstance(error, GitError):
        return "git_failed"
    return "guard" if isinstance(error, GuardError) else "error"
