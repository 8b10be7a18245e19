"""Work on the branch of a job that a person has rejected since: it does not land, and is reverted.

A completion is rejected by `runr reset`, or where other work has completed the task again.
"""

from collections.abc import Iterator
from typing import NamedTuple

from runr.errors import ConflictError
from runr.execution import own_changes
from runr.git import merge
from runr.git.merge import MergePlan, MergeRefusedError
from runr.git.trailers import ManualTrailers, message
from runr.jobs import journal
from runr.jobs.state import JobState
from runr.next_steps import commands
from runr.project import Project
from runr.runs.model import RunState
from runr.status.model import UNTOUCHED, State
from runr.storage import queue
from runr.tasks.model import short_name
from runr.text import join_limited


class Rejection(NamedTuple):
    """A task whose completion by a run of the job does not count any more, and `why`.

    `is_reset` tells that a person has reset it, and not that other work has completed it.
    """

    task: str
    run_id: str
    why: str
    is_reset: bool


def find(project: Project, state: JobState) -> Iterator[Rejection]:
    """Yield the rejected tasks whose work is on the branch of the job, as far as is known."""
    entries = project.entries()
    for each in state.tasks:
        if each.rejected is not None:
            yield Rejection(each.task, each.rejected, each.detail, is_reset=True)
            continue
        entry = entries.get(each.task)
        counts = each.status == "completed" and each.found_by is None
        if not counts or entry is None or entry.last_run_id in (None, *each.runs):
            continue
        run = journal.run_of(project.layout, each.run_id)
        if run is None or entry.sequence < run.sequence:
            continue
        if entry.status is State.COMPLETED:
            why = f"was completed again since (by {entry.completed_by})"
            yield Rejection(each.task, run.id, why, is_reset=False)
        elif entry.reset_of in each.runs:
            why = f"was reset since (by {entry.reset_by}: {entry.reason})"
            yield Rejection(each.task, run.id, why, is_reset=True)


def revert(project: Project, state: JobState, found: Rejection) -> str | None:
    """Take the work of a rejected task from the branch of the job; return the commit that does.

    None where nothing of it is left, or the target has it already. Raises ConflictError, with
    nothing changed, where later work is on the same lines.
    """
    run = journal.run_of(project.layout, found.run_id)
    shas = _commits(project, state, run) if run is not None else ()
    if run is None or not shas:
        return None
    branch, text = state.start.branch, _message(project, found, shas)

    def once() -> MergePlan:
        plan = merge.plan_revert(project.repo, shas, text, branch)
        merge.apply_plan(project.repo, plan, f"runr: reject {found.run_id}")
        return plan

    try:
        with queue.turn(project.layout.landing_queue(branch)):
            plan = merge.retry_if_moved(once)
    except MergeRefusedError as refused:
        raise _refusal(state, found, shas, refused) from None
    return plan.new if plan.how == "reverted" else None


def _commits(project: Project, state: JobState, run: RunState) -> tuple[str, ...]:
    """Return the commits of a run that only the branch of the job has, the latest first."""
    repo, branch, target = project.repo, state.start.branch, state.start.target
    if branch == target or (tip := repo.resolve(f"refs/heads/{branch}")) is None:
        return ()
    base = repo.resolve(f"refs/heads/{target}") if target else None
    landed = run.integration.commit_sha
    made = own_changes.commits(repo, project.layout.run(run.id), run)
    if not all(repo.is_ancestor(sha, tip) for sha in made):
        made = (landed,) if landed and repo.is_ancestor(landed, tip) else ()
    return tuple(sha for sha in made if base is None or not repo.is_ancestor(sha, base))


def _message(project: Project, found: Rejection, shas: tuple[str, ...]) -> str:
    subject = f'Revert "{project.repo.text("log", "-1", "--format=%s", shas[0])}"'
    reverts = "\n".join(f"This reverts commit {sha}." for sha in shas)
    entry = project.entries().get(found.task, UNTOUCHED)
    if not found.is_reset or entry.reset_run is None:
        return f"{subject}\n\n{reverts}\n"
    reason = entry.reason or ""
    trailers = ManualTrailers(run_id=entry.reset_run, reason=reason, task=found.task, reset=True)
    return message(subject, f"{reverts}\n\n{reason}", trailers)


def _refusal(
    state: JobState, found: Rejection, shas: tuple[str, ...], refused: MergeRefusedError
) -> ConflictError:
    name = short_name(found.task)
    why = f"later work changed {join_limited(refused.files, 3)}" if refused.files else str(refused)
    return ConflictError(
        f"{name} {found.why}, and its work cannot be reverted on {state.start.branch}: {why}",
        next_steps=[
            commands.git("switch", state.start.branch),
            commands.git("revert", *shas),
            commands.job_retry(state.id),
        ],
    )
