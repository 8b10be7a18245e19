"""Take commits back on a branch by a further one, which says what it reverts and why."""

from collections.abc import Sequence

from runr.execution import own_changes
from runr.execution.context import RunContext
from runr.git import merge, quarantine
from runr.git.merge import MergePlan, MergeRefusedError, retry_if_moved
from runr.git.repo import Repo
from runr.git.trailers import ManualTrailers, RollbackTrailers, message
from runr.runs.hook_events import WorkReverted
from runr.runs.model import RunState
from runr.storage import queue
from runr.text import join_names


def refuse_impossible(repo: Repo, shas: Sequence[str], branch: str | None = None) -> None:
    """Raise MergeRefusedError where the commits cannot be reverted, and leave nothing behind.

    They are those with the work, the latest first.
    """
    with quarantine.temporary(repo) as scratch:
        wanted = merge.plan_revert(scratch, shas, "", branch)
        if reason := merge.merge_obstacle(scratch, wanted):
            raise MergeRefusedError(reason)


def explain(refused: MergeRefusedError) -> str:
    """Return why the commits cannot be reverted."""
    return f"later commits changed {join_names(refused.files)}" if refused.files else str(refused)


def revert(
    context: RunContext,
    branch: str | None,
    shas: Sequence[str],
    trailers: ManualTrailers | RollbackTrailers,
) -> MergePlan:
    """Take the commits back, the latest first; MergeRefusedError, with nothing changed."""
    repo = context.root
    text = _message(repo, shas, trailers)

    def revert_once() -> MergePlan:
        wanted = merge.plan_revert(repo, shas, text, branch)
        merge.apply_plan(repo, wanted, f"runr: revert by {context.files.id}")
        return wanted

    with queue.turn(context.layout.landing_queue(branch or "")):
        return retry_if_moved(revert_once)


def _message(repo: Repo, shas: Sequence[str], trailers: ManualTrailers | RollbackTrailers) -> str:
    subject = repo.text("log", "-1", "--format=%s", shas[0])
    reverts = "\n".join(f"This reverts commit {sha}." for sha in shas)
    return message(f'Revert "{subject}"', f"{reverts}\n\n{trailers.reason}", trailers)


def revert_landed(context: RunContext, state: RunState) -> str:
    """Take back what a run that has failed had landed; say what was done.

    MergeRefusedError, with nothing changed, where later work or changes of the user's forbid it.
    """
    target = state.integration.target or state.start.target or context.root.branch()
    tip = context.root.resolve(f"refs/heads/{target}") if target else None
    made = own_changes.commits(context.root, context.files, state)
    landed = [sha for sha in made if tip and _is_on(context.root, sha, tip)]
    if not landed:
        return "nothing of it had landed"
    refuse_impossible(context.root, landed, target)
    reason = context.journal.redact(f"the run stopped: {state.stop_reason}")
    trailers = RollbackTrailers(run_id=state.id, task=state.start.task, reason=reason)
    done = revert(context, target, landed, trailers)
    if done.how == "already":
        return f"nothing of it was left on {target}"
    context.journal.append(WorkReverted(done.new, target or "", tuple(landed)))
    return f"{done.new[:12]} on {target} takes back {', '.join(sha[:12] for sha in landed)}"


def _is_on(repo: Repo, sha: str, tip: str) -> bool:
    return repo.resolve(sha) is not None and repo.is_ancestor(sha, tip)
