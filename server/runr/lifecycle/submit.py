"""Merge the commits of a run into a branch: all or none, never over uncommitted changes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from runr.errors import (
    AlreadyRunningError,
    ConflictError,
    NeedsHumanError,
    RunrError,
    UnknownNameError,
    UsageError,
    VerificationError,
)
from runr.execution import completion, reconcile
from runr.execution.context import RunContext
from runr.git import log, merge, quarantine
from runr.git.merge import CommitSet, MergePlan, MergeRefusedError, checkout_of, retry_if_moved
from runr.git.repo import Repo
from runr.git.trailers import MergeTrailers, message
from runr.next_steps import commands
from runr.next_steps.runs import merge_by_hand, while_running
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.query.models import Result
from runr.runs import journal, stop_reasons
from runr.runs.events import SubmitFailed, SubmitFinished, SubmitStarted
from runr.runs.model import RunState
from runr.storage import files, queue
from runr.storage.layout import RunFiles
from runr.text import closest_match


def find_branch(repo: Repo, name: str) -> str:
    """Return the branch `name`; UnknownNameError suggests the nearest match."""
    target = name.removeprefix("refs/heads/")
    if repo.resolve(f"refs/heads/{target}") is None:
        near = closest_match(target, branches(repo))
        offer = f"; did you mean {near!r}?" if near else ""
        raise UnknownNameError(
            f"there is no branch {name!r}{offer}", next_steps=[commands.git("branch")]
        )
    return target


def branches(repo: Repo) -> list[str]:
    """Return the names of all local branches."""
    return repo.text("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").split("\n")


def collect_commits(repo: Repo, state: RunState) -> CommitSet:
    """Return all commits of a run: its branch, or those whose trailers name it."""
    start = state.start
    if start.branch is not None and repo.resolve(start.base_sha):
        tip = repo.resolve(f"refs/heads/{start.branch}") or _checkpoint(repo, state)
        found = merge.commits_since(repo, start.base_sha, tip) if tip else None
        if found and found.commits:
            return found
    commits = _by_trailer(repo, state)
    if not commits:
        raise UsageError(
            f"run {state.id} has no commit: there is nothing to submit",
            next_steps=[commands.report(state.id)],
        )
    return CommitSet(commits=commits, whole=frozenset(commits))


def _checkpoint(repo: Repo, state: RunState) -> str | None:
    return repo.resolve(state.checkpoint_sha) if state.checkpoint_sha else None


def _by_trailer(repo: Repo, state: RunState) -> tuple[str, ...]:
    base, made = state.start.base_sha, _checkpoint(repo, state)
    places = [f"{base}..{made}"] if made and repo.resolve(base) else []
    for span in [*places, "HEAD", *(f"refs/heads/{name}" for name in branches(repo))]:
        commits = log.read(repo, span) if ".." in span or repo.resolve(span) else ()
        own = [
            each.sha
            for each in reversed(commits)
            if state.id in each.run_ids and len(each.parents) == 1
        ]
        if own:
            return tuple(own)
    return ()


def ensure_verified(state: RunState, load: CommitSet, target: str, *, force: bool) -> str | None:
    """Raise for unverified work; return the reason that `force` overrides."""
    if state.result != "completed" and state.stop_reason not in stop_reasons.LANDING:
        why = stop_reasons.find(state.stop_reason or "error").meaning
        waits = state.stop_reason in stop_reasons.FOR_A_PERSON
    elif state.verification.result == "failed":
        why, waits = "it was completed despite failing checks", False
    elif state.start.branch and state.checkpoint_sha != load.commits[-1]:
        why, waits = "its branch has commits that came after its checkpoint", False
    else:
        return None
    if force:
        return why
    report = commands.report(state.id)
    if waits:
        raise NeedsHumanError(
            f"run {state.id} waits for a person ({why}); --force submits it anyway",
            next_steps=[report, commands.approve(state.start.task)],
        )
    raise VerificationError(
        f"run {state.id} is not verified: {why}; --force submits it anyway",
        next_steps=[report, commands.submit(state.id, target, force=True)],
    )


def subjects(repo: Repo, load: CommitSet) -> list[str]:
    """Return one line for each commit, oldest first."""
    text = "".join(f"{sha}\n" for sha in load.commits).encode()
    out = repo.run("log", "--no-walk=unsorted", "--stdin", "--format=%h %s", stdin=text)
    return out.decode(errors="replace").splitlines()


class SubmitRequest(BaseModel):
    """Arguments of `submit`; `force` merges unverified work too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    to: str
    dry_run: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _SubmitContext:
    """A run that has ended, what it has to submit, and where to."""

    repo: Repo
    state: RunState
    load: CommitSet
    target: str
    forced: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission(Result):
    """What was merged, or would be; `commits` are the run's own, oldest first."""

    run_id: str
    task_path: str
    to: str
    strategy: str
    commits: list[str]
    before_sha: str
    after_sha: str | None = None
    override_reason: str | None = None
    dry_run: bool = False


def submit(project: Project, request: SubmitRequest) -> Submission:
    """Merge all commits of the run into the branch, or raise with nothing changed.

    Raises ConflictError, VerificationError and NeedsHumanError for unverified
    work, UsageError, AlreadyRunningError, UnknownNameError.
    """
    project.refuse_inside("a run does not submit runs")
    target = find_branch(project.repo, request.to)
    run = journal.find(project.layout, request.run)
    with _held(project, run, dry_run=request.dry_run) as state:
        load = collect_commits(project.repo, state)
        forced = ensure_verified(state, load, target, force=request.force)
        case = _SubmitContext(
            repo=project.repo, state=state, load=load, target=target, forced=forced
        )
        done = _simulate(case) if request.dry_run else _merge(project, case)
    return Submission(
        run_id=state.id,
        task_path=state.start.task,
        to=target,
        strategy=done.how,
        commits=subjects(project.repo, load),
        before_sha=done.old,
        after_sha=None if request.dry_run else done.new,
        override_reason=forced,
        dry_run=request.dry_run,
        next_steps=project.surface.lines(_next(case, dry_run=request.dry_run)),
    )


@contextmanager
def _held(project: Project, run: RunFiles, *, dry_run: bool) -> Iterator[RunState]:
    """Yield the state of a run that has ended, and hold its lease."""
    if not dry_run:
        reconcile.end_if_dead(project.context(run))
    state = journal.require(run)
    busy = AlreadyRunningError(f"run {run.id} has not ended", next_steps=while_running(run.id))
    if state.result is None or files.is_held(run.lock):
        raise busy
    lock = None if dry_run else files.hold(run.lock)
    if lock is None and not dry_run:
        raise busy
    try:
        yield state
    finally:
        if lock is not None:
            os.close(lock)


def _simulate(case: _SubmitContext) -> MergePlan:
    """Return what would be done, without leaving an object in the repository."""
    with quarantine.temporary(case.repo) as repo:
        try:
            wanted = _planned(repo, case)
        except MergeRefusedError as error:
            raise _refusal(case, error) from None
        reason = merge.merge_obstacle(repo, wanted)
    if reason:
        raise _refusal(case, MergeRefusedError(reason))
    return wanted


def _planned(repo: Repo, case: _SubmitContext) -> MergePlan:
    run_id, start = case.state.id, case.state.start
    trailers = MergeTrailers(run_id=run_id, task=start.task)
    text = message(f"Merge run {run_id}: {case.state.spec.title or start.task}", "", trailers)
    return merge.plan_merge(repo, case.load, case.target, text)


def _merge(project: Project, case: _SubmitContext) -> MergePlan:
    """Merge while no run moves the branch; retry where the user has moved it meanwhile."""
    context = project.context(project.layout.run(case.state.id))
    with queue.turn(project.layout.landing_queue(case.target)):
        try:
            wanted, finished = retry_if_moved(lambda: _merge_once(context, case))
        except MergeRefusedError as error:
            raise _refusal(case, error) from None
        after = context.journal.append(finished)
    if after.checkpoint_sha and case.repo.resolve(after.checkpoint_sha):
        completion.write_report(context, after)
    return wanted


def _merge_once(context: RunContext, case: _SubmitContext) -> tuple[MergePlan, SubmitFinished]:
    """Record the intent and merge; return the plan and the event of its end."""
    wanted = _planned(case.repo, case)
    finished = SubmitFinished(
        to=case.target,
        strategy=wanted.how,
        before=wanted.old,
        commit_sha=wanted.new,
        override_reason=case.forced,
        by=case.repo.user(),
    )
    context.journal.append(SubmitStarted(*finished), source="person")
    try:
        merge.apply_plan(case.repo, wanted, f"runr: submit {case.state.id}")
    except MergeRefusedError as error:
        context.journal.append(SubmitFailed(case.target, str(error)))
        raise
    return wanted, finished


def _refusal(case: _SubmitContext, error: MergeRefusedError) -> RunrError:
    """Return why nothing was merged, with three next commands."""
    summary = f"nothing was merged into {case.target}: {error}"
    report = commands.report(case.state.id)
    if not error.files:
        return RunrError(summary, next_steps=[commands.git("status"), report, _again(case)])
    first, last = case.load.commits[0], case.load.commits[-1]
    branch = case.state.start.branch
    known = branch if branch and case.repo.resolve(f"refs/heads/{branch}") else last
    look = commands.git("log", "-p", f"{first[:12]}^..{last[:12]}")
    return ConflictError(summary, next_steps=[look, report, _by_hand(case, known)])


def _again(case: _SubmitContext) -> NextStep:
    return commands.submit(case.state.id, case.target, force=bool(case.forced))


def _by_hand(case: _SubmitContext, commit: str) -> NextStep:
    """Return how git merges the commit where the target is checked out."""
    if case.repo.branch() == case.target:
        return merge_by_hand(commit)
    found = checkout_of(case.repo, case.target) or ""
    return merge_by_hand(commit, switch_to=case.target, checkout=found)


def _next(case: _SubmitContext, *, dry_run: bool) -> list[NextStep]:
    if dry_run:
        return [_again(case)]
    if case.state.stop_reason in stop_reasons.LANDING:
        return [commands.land(case.state.id)]
    return [commands.clean("--dry-run")] if case.state.start.branch else []
