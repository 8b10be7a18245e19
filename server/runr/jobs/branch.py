"""The branch of a job: where it begins, and how it gets what others bring to its target."""

from runr.errors import RepositoryError
from runr.git import log, merge, worktree
from runr.git.merge import MergeRefusedError
from runr.git.repo import Checkout, Repo
from runr.jobs.model import Job
from runr.jobs.state import JobState
from runr.next_steps import commands
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.storage import queue
from runr.storage.layout import RunFiles


def base_of(project: Project, job: Job) -> tuple[str, Checkout]:
    """Return the branch that the job starts from, empty on a detached HEAD, and its commit."""
    branch = job.target or project.repo.branch() or ""
    base = project.repo.tip_of(branch) if branch else project.repo.checkout()
    if base is None and job.target:
        raise RepositoryError(f"the branch {job.target!r} of the job does not exist")
    if base is None:
        raise RepositoryError(
            "this repository has no commits yet, so a job has nothing to start from"
        )
    if job.land == "each" and not branch:
        raise RepositoryError("no branch is checked out: with `land: each`, a job needs one")
    return branch, base


def make(project: Project, job: Job, target: str, base: Checkout, files: RunFiles) -> str:
    """Return the branch that tasks start from and land on; the job's own is made."""
    if job.land == "each":
        return target
    branch = worktree.branch_name(f"job-{job.name}", files.id)
    project.repo.run("branch", "--no-track", branch, base.commit)
    return branch


def follow_target(project: Project, state: JobState) -> str | None:
    """Bring what was committed on the target since into the branch of the job.

    A person may have done a task there. Where both have changed the same lines, the job goes on
    without it. Where the branch is gone, it is made again: with its work, unless that has landed.
    """
    branch, target = state.start.branch, state.start.target
    tip = project.repo.resolve(f"refs/heads/{target}") if target else None
    if branch == target or tip is None:
        return None
    made = None
    if project.repo.resolve(f"refs/heads/{branch}") is None:
        made = _last_of(project.repo, state, tip) or tip
        project.repo.run("branch", "--no-track", branch, made)
    if project.repo.is_ancestor(tip, f"refs/heads/{branch}"):
        return made
    try:
        with queue.turn(project.layout.landing_queue(branch)):
            subject = f"Merge {target} into {branch}"
            plan = merge.plan_integration(project.repo, target, branch, lambda _: subject)
            merge.apply_plan(project.repo, plan, f"runr: {subject}")
    except MergeRefusedError as error:
        project.warn(f"{target} has moved, and is not merged into {branch}: {error}")
        return made
    return plan.new


def as_landed(project: Project, state: JobState) -> JobState:
    """Return the state with the landing that a person made, as by `git merge`."""
    branch, target = state.start.branch, state.start.target
    if state.landed_on or not (state.result and target and branch != target and commits(state)):
        return state
    repo = project.repo
    tip, onto = repo.resolve(f"refs/heads/{branch}"), repo.resolve(f"refs/heads/{target}")
    there = tip is not None and onto is not None and repo.is_ancestor(tip, onto)
    return state._replace(landed_on=target) if there else state


def commits(state: JobState) -> list[str]:
    """Return the commits of the completed tasks, the latest last."""
    done = [each for each in state.tasks if each.status == "completed"]
    ordered = sorted(done, key=lambda each: each.ended_at or "")
    return [each.commit_sha for each in ordered if each.commit_sha]


def _last_of(repo: Repo, state: JobState, target_tip: str) -> str | None:
    """Return the commit with all work of the job that its target does not have; None without any.

    Each task landed on top of those before it, so that one commit has them all.
    """
    made = commits(state)
    elsewhere = log.absent_from(repo, [target_tip], made).elsewhere
    left = [sha for sha in made if sha in elsewhere]
    ends = repo.text("merge-base", "--independent", *left).split() if left else []
    return next((sha for sha in reversed(left) if sha in ends), None)


def land_step(project: Project, state: JobState) -> NextStep:
    """Return how the branch of a job lands, with a branch to land on where its own is missing."""
    repo, start = project.repo, state.start
    if start.target and repo.resolve(f"refs/heads/{start.target}"):
        return commands.job_land(state.id)
    found = ("for-each-ref", "--format=%(refname:short)", f"--contains={start.base_sha}")
    named = repo.unless_gone(*found, "refs/heads", needs=(start.base_sha,)) or b""
    users = (name for name in named.decode(errors="replace").split() if name[:5] != "runr/")
    return commands.job_land(state.id, repo.branch() or next(users, None))


def make_again_steps(project: Project, state: JobState) -> list[NextStep]:
    """Return how the branch is made again on which the tasks of a job land one by one."""
    start = state.start
    if start.branch != start.target or project.repo.resolve(f"refs/heads/{start.target}"):
        return []
    return [commands.git("branch", start.target)]
