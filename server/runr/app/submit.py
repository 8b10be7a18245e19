"""Bring a run's commits into a branch: all of them or none, and never over the user's changes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from runr.app.answers import Answer
from runr.app.parcel import doubt, parcel, subjects, wanted_branch
from runr.app.project import Project
from runr.core.runstate import RunState
from runr.core.stops import quoted
from runr.engine import reconcile, record
from runr.engine.context import RunContext
from runr.errors import AlreadyRunningError, ConflictError, RunrError, UsageError
from runr.git import delivery
from runr.git.delivery import Parcel, Plan
from runr.git.integrate import KeptError, place, retry_if_moved
from runr.git.repo import Repo
from runr.git.trailers import BroughtIn, message
from runr.store import files, runlog
from runr.store.layout import RunFiles


class SubmitRequest(BaseModel):
    """A wish to bring a run's work into the branch `to`; `force` takes unverified work, too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    to: str
    dry_run: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A run that has ended, what it has to submit, and where to."""

    repo: Repo
    state: RunState
    load: Parcel
    target: str
    forced: str | None


class Submission(Answer):
    """What was brought in, or would be; `commits` are the run's own, oldest first."""

    run: str
    task: str
    to: str
    how: str
    commits: list[str]
    before: str
    after: str | None = None
    forced: str | None = None
    dry_run: bool = False
    next: list[str] = Field(default_factory=list)


def submit(project: Project, request: SubmitRequest) -> Submission:
    """Bring all commits of the run into the branch, or say why not with nothing changed.

    Raises ConflictError, VerificationError and NeedsHumanError for work that
    nobody has verified, UsageError, AlreadyRunningError, UnknownNameError.
    """
    if outer := project.environment.get("RUNR_RUN_ID"):
        raise UsageError(f"this is inside run {outer}: a run does not submit runs")
    target = wanted_branch(project.repo, request.to)
    run = runlog.find(project.layout, request.run)
    with _held(project, run, dry_run=request.dry_run) as state:
        load = parcel(project.repo, state)
        forced = doubt(state, load, target, force=request.force)
        case = _Case(repo=project.repo, state=state, load=load, target=target, forced=forced)
        done = _tried(case) if request.dry_run else _delivered(project, case)
    return Submission(
        run=state.id,
        task=state.start.task,
        to=target,
        how=done.how,
        commits=subjects(project.repo, load),
        before=done.old,
        after=None if request.dry_run else done.new,
        forced=forced,
        dry_run=request.dry_run,
        next=_next(case, dry_run=request.dry_run),
    )


@contextmanager
def _held(project: Project, run: RunFiles, *, dry_run: bool) -> Iterator[RunState]:
    """Yield the state of a run that has ended, and keep others from taking it up meanwhile."""
    if not dry_run:
        reconcile.end_if_dead(project.context(run))
    state = runlog.require(run)
    busy = AlreadyRunningError(
        f"run {run.id} has not ended", next_steps=[f"runr follow {run.id}", f"runr stop {run.id}"]
    )
    if state.ended is None or files.is_held(run.lock):
        raise busy
    lock = None if dry_run else files.hold(run.lock)
    if lock is None and not dry_run:
        raise busy
    try:
        yield state
    finally:
        if lock is not None:
            os.close(lock)


def _tried(case: _Case) -> Plan:
    """Return what would be done; not even an object is left in the repository."""
    with delivery.sandbox(case.repo) as repo:
        try:
            wanted = _planned(repo, case)
        except KeptError as error:
            raise _refusal(case, error) from None
        reason = delivery.obstacle(repo, wanted)
    if reason:
        raise _refusal(case, KeptError(reason))
    return wanted


def _planned(repo: Repo, case: _Case) -> Plan:
    run_id, start = case.state.id, case.state.start
    trailers = BroughtIn(run_id=run_id, task=start.task)
    text = message(f"Merge run {run_id}: {start.title or start.task}", "", trailers)
    return delivery.plan(repo, case.load, case.target, text)


def _delivered(project: Project, case: _Case) -> Plan:
    """Do it while no run moves the branch; look again where the user has moved it meanwhile."""
    context = project.context(project.layout.run(case.state.id))
    with files.locked(project.layout.branch_lock(case.target)):
        try:
            wanted, facts = retry_if_moved(lambda: _attempted(context, case))
        except KeptError as error:
            raise _refusal(case, error) from None
        after = context.log.append("submit.finished", facts)
    if after.checkpoint_sha and case.repo.resolve(after.checkpoint_sha):
        record.story(context, after)
    return wanted


def _attempted(context: RunContext, case: _Case) -> tuple[Plan, dict[str, Any]]:
    """Record it and do it, and return what is to be recorded when it is done."""
    wanted = _planned(case.repo, case)
    facts = {
        "to": case.target,
        "how": wanted.how,
        "before": wanted.old,
        "sha": wanted.new,
        "forced": case.forced,
        "by": case.repo.user(),
    }
    context.log.append("submit.started", facts, source="person")
    try:
        delivery.carry_out(case.repo, wanted, f"runr: submit {case.state.id}")
    except KeptError as error:
        context.log.append("submit.failed", {"to": case.target, "detail": str(error)})
        raise
    return wanted, facts


def _refusal(case: _Case, error: KeptError) -> RunrError:
    """Return why nothing was brought in, with three commands that lead on."""
    told = f"nothing was brought into {case.target}: {error}"
    report = f"runr report {case.state.id}"
    if not error.files:
        return RunrError(told, next_steps=["git status", report, _again(case)])
    first, last = case.load.commits[0], case.load.commits[-1]
    branch = case.state.start.branch
    known = branch if branch and case.repo.resolve(f"refs/heads/{branch}") else last
    look = f"git log -p {first[:12]}^..{last[:12]}"
    by_hand = f"{_go_to(case)} merge {quoted(known)}"
    return ConflictError(told, next_steps=[look, report, by_hand])


def _again(case: _Case) -> str:
    forced = " --force" if case.forced else ""
    return f"runr submit {case.state.id} --to {quoted(case.target)}{forced}"


def _go_to(case: _Case) -> str:
    """Return how git is started where the target is checked out."""
    if case.repo.branch() == case.target:
        return "git"
    if found := place(case.repo, case.target):
        return f"git -C {quoted(found)}"
    return f"git switch {quoted(case.target)} && git"


def _next(case: _Case, *, dry_run: bool) -> list[str]:
    if dry_run:
        return [_again(case)]
    return ["runr clean --dry-run"] if case.state.start.branch else []
