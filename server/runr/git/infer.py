"""What the history alone says about which tasks were finished."""

from runr.git.checkpoint import CheckpointRef, find
from runr.git.repo import Repo


def completions(repo: Repo, rev: str = "HEAD") -> dict[str, CheckpointRef]:
    """Return each task's newest checkpoint commit, with what it says about that task."""
    found: dict[str, CheckpointRef] = {}
    for ref in find(repo, rev):
        for task in ref.tasks:
            own = ref.of(task)
            if own is not None and ref.finishes(task):
                found.setdefault(task, own)
    return found


def of_task(repo: Repo, task: str, rev: str = "HEAD") -> tuple[CheckpointRef, ...]:
    """Return the checkpoint commits of one task, newest first, with what they say about it."""
    own = (ref.of(task) for ref in find(repo, rev) if task in ref.tasks)
    return tuple(ref for ref in own if ref is not None)
