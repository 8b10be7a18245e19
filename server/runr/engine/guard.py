"""Whether a run stayed within its task's scope."""

import os

from runr.core import scope
from runr.core.runstate import RunState
from runr.engine.context import RunContext
from runr.git import checkpoint, snapshot


def violations(context: RunContext, state: RunState) -> list[str]:
    """Return the files that were changed out of scope, in the tree or in any commit since.

    Everything between the tree that the run found and the tree as it is now
    counts, and every path that a commit of the worker's own touched, even if
    a later one took it back. What git ignores does not count. Only runr writes
    checkpoints: before it has, a commit that looks like one is a forgery.
    """
    start = state.start
    workspace = context.workspace(state)
    now = snapshot.take(workspace)
    changed = {change.path for change in snapshot.changed(workspace, start.base_tree, now)}
    since = f"{start.base_sha}..HEAD"
    committed = workspace.run("log", "-m", "-z", "--name-only", "--format=", "--no-renames", since)
    changed.update(os.fsdecode(path) for path in committed.split(b"\0") if path.strip(b"\n"))
    return scope.violations(changed, owns=start.owns, deny=start.deny) + [
        f"commit {forged.sha[:12]} claims to be this run's checkpoint"
        for forged in checkpoint.find(workspace, since)
        if forged.checkpoint and state.id in forged.run_ids
    ]
