"""Whether a run still has its branch: the one on which it lands, or that of its own worktree.

The agent of a session, and its user, may go to another branch: that is where they want the work.
"""

from pathlib import Path

from runr.errors import GitError
from runr.execution.context import RunContext
from runr.git import folders
from runr.git.repo import Repo
from runr.next_steps import commands
from runr.runs.model import RunState


def why_absent(state: RunState) -> str | None:
    """Return what is checked out in place of the run's target; None where nothing is wrong."""
    start = state.start
    if start.branch is not None or start.target is None or state.by_session:
        return None
    found = Repo(Path(start.workdir)).branch()
    if found == start.target:
        return None
    return f"{found or 'no branch'} is checked out, and the run lands on {start.target}"


def restore(context: RunContext, state: RunState) -> None:
    """Make the branch of the run's own worktree again where something has deleted it meanwhile.

    The files are all there: what was committed on it since its last checkpoint counts as changed.
    """
    branch = state.start.branch
    if branch is None or not folders.is_unborn(Path(state.start.workdir)):
        return
    commit = tip_if_deleted(context, state)
    # Where it was made again at the same moment, this one is refused.
    context.root.attempt("update-ref", f"refs/heads/{branch}", commit, "0" * len(commit))


def tip_if_deleted(context: RunContext, state: RunState) -> str:
    """Return the commit of the run's branch if that has to be made again: that of its work.

    GitError where git has deleted the commit, too: without it, what is checked lacks the work.
    """
    root, start, made = context.root, state.start, state.checkpoint_sha
    if made is None or root.resolve(f"refs/heads/{start.branch}") is not None:
        return start.base_sha
    if root.resolve(made) is None:
        raise GitError(
            f"the branch {start.branch} is gone, and so is its commit {made[:12]} with the work: "
            "fetch them from where they are, or run the task again",
            next_steps=[commands.run(start.task)],
        )
    return made
