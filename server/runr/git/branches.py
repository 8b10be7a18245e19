"""How the branch of a run or a job is deleted that is not needed any more."""

from pathlib import Path

from runr.git import recovery
from runr.git.failures import complaint
from runr.git.repo import Output, Repo


def delete_landed(repo: Repo, branch: str, target: str, worktrees: Path) -> str | None:
    """Delete `branch` where `target` has all of its commits; return why git could not.

    One with other commits stays, and so does one that is checked out.
    """
    own, onto = f"refs/heads/{branch}", f"refs/heads/{target}"
    found = repo.refs(own, onto)
    if own not in found or onto not in found:
        return None
    if found[own] != found[onto] and not repo.is_ancestor(found[own], found[onto]):
        return None
    why = delete(repo, branch, worktrees)
    # Git keeps one that is checked out by itself.
    is_used = why is not None and repo.text("for-each-ref", "--format=%(worktreepath)", own)
    return None if is_used else why


def delete(repo: Repo, branch: str, worktrees: Path) -> str | None:
    """Delete `branch`, whatever it has; return why git keeps it, as where it is checked out.

    The locks of gits that were killed are removed first, also in the working trees below
    `worktrees`.
    """
    done = _attempt(repo, branch)
    if not done.ok and _may_be_locked(done):
        recovery.clear_locks(repo, worktrees)
        done = _attempt(repo, branch)
    return None if done.ok or repo.resolve(f"refs/heads/{branch}") is None else _why(done)


def _attempt(repo: Repo, branch: str) -> Output:
    return repo.attempt("branch", "-D", "-q", "--", branch)


def _may_be_locked(done: Output) -> bool:
    """Tell whether a lock was there, or git was killed, which says nothing and leaves one."""
    return done.code < 0 or ".lock" in done.err


def _why(done: Output) -> str:
    return f"git was ended by signal {-done.code}" if done.code < 0 else complaint(done.err)
