"""Work that is in another worktree of the repository than the run of the session that does it.

Claude Code makes such worktrees below the folder of its session, on request and for subagents.
"""

from pathlib import Path

from runr.errors import UsageError
from runr.git import worktree
from runr.git.repo import Repo
from runr.next_steps import commands
from runr.project import Project
from runr.query import presenters
from runr.runs.model import RunState


def refuse_elsewhere(project: Project, state: RunState) -> None:
    """Raise UsageError where the session that completes its run has gone to another worktree.

    Checks that pass in the tree of the run would prove nothing about the work.
    """
    tree = Path(state.start.workdir)
    is_own = project.environment.get(presenters.SESSION) == state.holder
    if not (state.by_session and is_own) or project.tree.resolve() == tree.resolve():
        return
    branch = project.repo.branch() or project.repo.head() or ""
    merge = commands.git("-C", str(tree), "merge", branch).in_words(
        f"commit in {project.tree}, go back to {tree}, and merge {branch} there"
    )
    raise UsageError(
        f"run {state.id} of {state.task_name} works in {tree}, and its session is now in "
        f"{project.tree}, where nothing is verified",
        next_steps=[
            merge.because("Bring the work to the run"),
            commands.complete(state.start.task).because("Then, there"),
            commands.stop(state.id).because("Or give the run up"),
        ],
    )


def with_work(state: RunState) -> tuple[str, ...]:
    """Return the worktrees below that of the run in which there is work that it does not have."""
    repo = Repo(Path(state.start.workdir))
    head = repo.head()
    return tuple(path for path in worktree.below(repo) if _has_other(repo, repo.path / path, head))


def _has_other(repo: Repo, path: Path, head: str | None) -> bool:
    tip = Repo(path).head()
    return worktree.has_work(Repo(path)) or not (tip and head and repo.is_ancestor(tip, head))
