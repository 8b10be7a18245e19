"""The integration of a branch as a run does it, without its checks."""

from runr.git import merge
from runr.git.merge import Integration, MergePlan, MergeRefusedError
from runr.git.repo import Repo


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
        return merge.kept(root, branch, target, str(error))
    assert done.how != "picked"
    assert done.how != "reverted"
    return Integration(how=done.how, sha=done.new)
