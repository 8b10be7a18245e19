"""The integration of a branch as a run does it, without its checks."""

from typing import Literal, NamedTuple

from runr.git import merge
from runr.git.merge import MergePlan, MergeRefusedError
from runr.git.repo import Repo


class Integration(NamedTuple):
    """What became of a branch: the target's commit that contains it, or why it was kept."""

    how: Literal["fast-forward", "merge", "already", "kept"]
    sha: str | None = None
    reason: str = ""
    files: tuple[str, ...] = ()


def integrate(root: Repo, *, branch: str, target: str | None, message: str) -> Integration:
    """Merge `branch` into `target`, or return why it is kept."""

    def attempt() -> MergePlan:
        plan = merge.plan_integration(root, branch, target, lambda _: message)
        if plan.new != plan.old:
            merge.move(root, plan.target, plan.new, plan.old, f"runr: merge {branch}")
        return plan

    try:
        done = merge.retry_if_moved(attempt)
    except MergeRefusedError as error:
        return Integration("kept", reason=str(error), files=error.files)
    assert done.how in ("fast-forward", "merge", "already")
    return Integration(done.how, sha=done.new)
