"""What the user changes in place after a run has stopped, and before it goes on: none of its work.

The tree at the stop is on record. What differs when the run is taken further becomes a part of the
tree with which it began, as far as it can be separated from what the run had changed.
"""

from contextlib import suppress
from pathlib import Path

from runr import nofollow
from runr.errors import GitError, MixedChangesError
from runr.execution.context import RunContext
from runr.git import snapshot, user_changes
from runr.git.user_changes import Since
from runr.next_steps import commands
from runr.runs.model import RunState
from runr.text import join_limited

_NAMED = 5


def tree_at_stop(context: RunContext, state: RunState) -> str | None:
    """Return the working tree of a run in place that stops; None where it cannot be read."""
    if not _in_place(context, state):
        return None
    with suppress(GitError, OSError):
        return snapshot.take(context.workspace(state))
    return None


def find(context: RunContext, state: RunState) -> Since:
    """Return what the user has changed since the run stopped; nothing where that is unknown."""
    nothing = Since(base_tree=state.start.base_tree)
    stopped = state.stopped_tree
    if stopped is None or state.is_committed or not _in_place(context, state):
        return nothing
    workspace = context.workspace(state)
    if workspace.answer("cat-file", "-e", stopped) is None:
        return nothing
    now = snapshot.take(workspace)
    return user_changes.since_stop(workspace, state.start.base_tree, stopped, now)


def refuse_mixed(state: RunState, found: Since) -> None:
    """Raise MixedChangesError where the user and the run have changed the same lines."""
    if found.mixed:
        raise MixedChangesError(
            f"since run {state.id} stopped, changes were made that cannot be separated from those "
            f"of the run: {join_limited(found.mixed, _NAMED)}; undo them, or accept them as its "
            "work",
            next_steps=[
                commands.git("-C", state.start.workdir, "diff", "HEAD"),
                commands.resume(state.id, accept_changes=True),
            ],
        )


def describe(found: Since) -> str:
    """Return which changes stay out of the run's commit."""
    return f"changed since the run stopped, and no part of it: {join_limited(found.left, _NAMED)}"


def _in_place(context: RunContext, state: RunState) -> bool:
    """Tell whether a worker has the user's tree; what is changed there is a session's own."""
    own_tree = state.start.branch is None and not state.by_session
    has_tree = Path(state.start.workdir).is_dir() and nofollow.is_folder(context.files.git_data)
    return own_tree and state.start.kind == "attempt" and has_tree
