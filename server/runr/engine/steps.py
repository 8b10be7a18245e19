"""The phases of a run, performed. Each may be repeated after a crash and ends the same."""

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path

from runr.core import scope
from runr.core.runstate import Phase, RunState
from runr.engine.attempt import work
from runr.engine.consult import inspect, plan
from runr.engine.context import RunContext
from runr.engine.outcome import Outcome
from runr.engine.verify import verify
from runr.git import checkpoint, integrate, recover, snapshot, worktree
from runr.git.trailers import Trailers
from runr.store import files

Step = Callable[[RunContext, RunState], Awaitable[Outcome]]


async def prepare(context: RunContext, state: RunState) -> Outcome:
    """Make the run's own working tree, unless it works in the user's."""
    start = state.start
    if start.branch is not None:
        worktree.add(context.root, Path(start.workdir), start.branch, start.base_sha)
    return Outcome("ok")


async def commit(context: RunContext, state: RunState) -> Outcome:
    """Commit what the run changed, with trailers that name the record."""
    start = state.start
    workspace = context.workspace(state)
    now = snapshot.take(workspace)
    if state.tree and now != state.tree:
        altered = [change.path for change in snapshot.changed(workspace, state.tree, now)]
        detail = f"changed behind the checks: {', '.join(altered[:5])}"
        return Outcome("altered", {"detail": detail})
    session = state.sessions[-1] if state.sessions else start.session_id
    made = checkpoint.commit(
        workspace,
        base=start.base_sha,
        base_tree=start.base_tree,
        after=state.checkpoints[-1] if state.checkpoints else start.base_sha,
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
    left = {path for path in workspace.dirty() if not scope.is_runrs(path)} - set(made.paths)
    total = snapshot.changed(workspace, start.base_sha, made.sha)
    return Outcome(
        "ok",
        {"sha": made.sha, "changed": len(total), "left_dirty": sorted(left)[:50]},
    )


def _message(state: RunState) -> str:
    title = state.start.title or state.start.task
    if not state.milestone:
        return title
    number, total = state.milestone, len(state.milestones)
    return f"{state.milestones[number - 1]}\n\nMilestone {number} of {total}: {title}"


async def bring_in(context: RunContext, state: RunState) -> Outcome:
    """Bring the checkpoint into the branch that the run started from."""
    start = state.start
    if start.branch is None:
        return Outcome("ok", {"how": "in-place", "sha": state.checkpoint_sha})
    # Runs that end together wait for each other, so that each sees where the last one left it.
    alone = (
        files.locked(context.layout.branch_lock(start.target)) if start.target else nullcontext()
    )
    with alone:
        if state.redone and state.checkpoint_sha and context.root.branch() == start.target:
            recover.adopt(context.root, state.checkpoint_sha)
        done = integrate.bring_in(
            context.root,
            branch=start.branch,
            target=start.target,
            message=f"Merge {start.branch}: {start.title or start.task}",
        )
    facts = {"how": done.how, "sha": done.sha, "command": done.command}
    return Outcome("ok", facts | ({"detail": done.reason} if done.how == "kept" else {}))


async def settle(context: RunContext, state: RunState) -> Outcome:
    """Put the run's working tree away: all that is worth keeping is on record."""
    start = state.start
    if start.branch is not None:
        worktree.remove(context.root, Path(start.workdir))
        if state.integration != "kept" and start.target is not None:
            worktree.delete_branch(context.root, start.branch, merged_into=start.target)
    return Outcome("ok")


STEPS: dict[Phase, Step] = {
    Phase.PREPARE: prepare,
    Phase.PLAN: plan,
    Phase.WORK: work,
    Phase.VERIFY: verify,
    Phase.REVIEW: inspect,
    Phase.CHECKPOINT: commit,
    Phase.INTEGRATE: bring_in,
    Phase.RECORD: settle,
}
