"""What a run changed that its branch has not got, though it has, or gets, the commits.

A merge can leave out what it brings: with `-s ours`, by a merge driver of the user's, or where a
conflict is resolved by dropping one side. So the content of the files decides whether the work is
there.
"""

from typing import NamedTuple

from runr.git import merge, merge_drivers, snapshot
from runr.git.merge import MergePlan, MergeRefusedError
from runr.git.repo import Repo


class WorkDroppedError(MergeRefusedError):
    """The branch would have nothing of what a run has changed."""


class Dropped(NamedTuple):
    """The files whose changes are missing, and if these are all; `by` is the merge, if known."""

    files: tuple[str, ...] = ()
    is_all: bool = False
    by: str | None = None


def find_dropped(repo: Repo, base: str, work: str, plan: MergePlan) -> Dropped:
    """Return what changed from `base` to `work` and would not be in the target.

    What a later commit has changed once more is not missing. New objects are written into `repo`.
    """
    # A driver that drops one side would drop it here as well.
    repo, onto = merge_drivers.replaced(repo), plan.new
    tree, conflicts = merge.tree_with_change(repo, base, work, onto)
    lacking = _paths(repo, onto, tree).union(conflicts)
    if not lacking or not snapshot.changed(repo, base, work):
        return Dropped()
    by = _arrival(repo, work, onto) if plan.how == "already" else None
    without, unclear = merge.tree_with_change(repo, work, base, onto)
    # What conflicts both ways has other lines by now: there if anything came with the work.
    arrived = _paths(repo, *_around(repo, by, base, work)) if by else _paths(repo, plan.old, onto)
    there = _paths(repo, onto, without).difference(unclear) | arrived.intersection(unclear)
    missing = lacking - there
    return Dropped(tuple(sorted(missing)), is_all=bool(missing) and not there, by=by)


def _paths(repo: Repo, old: str, new: str) -> set[str]:
    return {change.path for change in snapshot.changed(repo, old, new)}


def _arrival(repo: Repo, work: str, tip: str) -> str | None:
    """Return the first commit of the branch that has the work behind it."""
    after = set(repo.text("rev-list", "--ancestry-path", f"{work}..{tip}").split())
    line = repo.text("rev-list", "--first-parent", "--reverse", f"{work}..{tip}").split()
    return next((sha for sha in line if sha in after), None)


def _around(repo: Repo, arrival: str, base: str, work: str) -> tuple[str, str]:
    """Return the branch before and after it got the work."""
    before = repo.text("rev-parse", f"{arrival}^1")
    return (base if before == work else before), arrival
