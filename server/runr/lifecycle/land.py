"""Land verified work that waits: the same queue and the same verification as at the end of a run.

`submit` is another matter: it merges the commits of a run into any branch, as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from runr.errors import AlreadyRunningError, UsageError
from runr.execution import integration, reconcile
from runr.git import merge, quarantine
from runr.git.merge import LostBaseError, MergePlan, MergeRefusedError
from runr.git.repo import Repo
from runr.lifecycle import follow, runs
from runr.lifecycle.submit import find_branch
from runr.next_steps import commands
from runr.next_steps.runs import while_running
from runr.project import Project
from runr.query import presenters
from runr.query.detail_models import RunDetails, RunResult
from runr.query.models import Result
from runr.runs import journal, stop_reasons
from runr.runs.model import Phase, RunState
from runr.status.model import State
from runr.text import join_limited

#: The stops after which work may wait.
_MAY_WAIT = stop_reasons.LANDABLE | {"interrupted", "stopped"}

#: Why nothing lands from within a run.
_OUTSIDE = "a run does not land runs"


class LandRequest(BaseModel):
    """Arguments of `land`: runs or tasks, or all that wait; `to` is another branch to land on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = ()
    every: bool = False
    to: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """What became of the work of one run, or would.

    `outcome` is `landed`, or the reason of its stop, as `message` explains.
    """

    run_id: str
    task_path: str
    to: str | None
    outcome: str
    message: str
    commit_sha: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LandResult(Result):
    """What landed, in this order, and what did not."""

    landings: list[Landing]
    dry_run: bool = False


def land(project: Project, request: LandRequest) -> LandResult:
    """Land the work of each run on its branch, one after the other.

    Raises UsageError, UnknownNameError and AlreadyRunningError before anything is done.
    """
    project.refuse_inside(_OUTSIDE)
    target = find_branch(project.repo, request.to) if request.to else None
    states = [*_named(project, request.names)]
    if request.every:
        known = {state.id for state in states}
        states += [state for state in _waiting(project) if state.id not in known]
    elif not states:
        raise UsageError(
            "which work? Pass RUN or TASK, or --all for everything that waits",
            next_steps=[commands.land(every=True), commands.list_tasks()],
        )
    if request.dry_run:
        landings = [_preview(project, state, target) for state in states]
        steps = [commands.land(each.run_id) for each in landings if each.outcome == "landed"]
        lines = project.surface.lines(steps[:1])
        return LandResult(landings=landings, dry_run=True, next_steps=lines)
    details = [_land(project, state, target) for state in states]
    steps_left = [step for run in details if run.status != "completed" for step in run.next_steps]
    return LandResult(
        landings=[_landing(project, run) for run in details],
        next_steps=list(dict.fromkeys(steps_left)),
    )


def begin(project: Project, name: str) -> RunResult:
    """Let a run land its work, and return at once; it goes on by itself. Raises as `land` does."""
    project.refuse_inside(_OUTSIDE)
    [state] = _named(project, (name,))
    return runs.resume_run(project, state.id)


def _named(project: Project, names: tuple[str, ...]) -> Iterator[RunState]:
    project.entries()  # a run whose process died is ended by it
    for name in dict.fromkeys(names):
        state = runs.require_ended_if_dead(project, project.find_run(name))
        if state.result is None:
            raise AlreadyRunningError(
                f"run {state.id} has not ended", next_steps=while_running(state.id)
            )
        if not _waits(state):
            ended = "is completed" if state.result == "completed" else "has no verified work"
            raise UsageError(
                f"nothing to land: run {state.id} of {state.task_name} {ended}",
                next_steps=presenters.next_steps(state) or [commands.status(state.start.task)],
            )
        yield state


def _waits(state: RunState) -> bool:
    """Tell whether verified work has not landed: it could not, or its process died at it."""
    stopped = state.result == "stopped" and state.phase is Phase.INTEGRATE
    return stopped or state.stop_reason in stop_reasons.LANDABLE


def _waiting(project: Project) -> list[RunState]:
    """Return the runs whose work waits, those that ended first before the others."""
    stopped = [
        reconcile.end_if_dead(project.context(project.layout.run(entry.last_run_id)))
        for entry in project.entries().values()
        if entry.status is State.STOPPED and entry.stop_reason in _MAY_WAIT and entry.last_run_id
    ]
    found = [state for state in stopped if state is not None and _waits(state)]
    return sorted(found, key=lambda state: (state.ended_at or "", state.id))


def _land(project: Project, state: RunState, target: str | None) -> RunDetails:
    with project.doing(f"landing {state.task_name}"):
        runs.resume_run(project, state.id, target=target)
        return follow.wait_for_run(project, state.id)


def _landing(project: Project, run: RunDetails) -> Landing:
    state = journal.require(project.layout.run(run.id))
    done, name = state.integration, state.task_name
    if state.result == "completed":
        sha = (done.commit_sha or "")[:12]
        how = "was already on" if done.strategy == "already" else "landed on"
        outcome, message = "landed", f"{name} {how} {done.target}, now at {sha}"
        message += _without(done.dropped)
        message += f"; {state.detail}" if state.detail else ""
    else:
        outcome = state.stop_reason or "error"
        meaning = stop_reasons.find(outcome).meaning
        message = f"{name}: {meaning}: {state.detail}" if state.detail else f"{name}: {meaning}"
    return Landing(
        run_id=run.id,
        task_path=run.task_path,
        to=done.target or state.start.target,
        outcome=outcome,
        message=message,
        commit_sha=done.commit_sha,
    )


def _preview(project: Project, state: RunState, target: str | None) -> Landing:
    """Return whether the work could be merged now; the checks are not run."""
    branch, to = state.start.branch or "", target or state.start.target or project.repo.branch()
    files: tuple[str, ...] = ()
    outcome, message = "landed", f"{state.task_name} would be verified and land on {to}"
    with quarantine.temporary(project.repo) as scratch:
        try:
            plan = _plan(scratch, state.start.base_sha, branch, to)
            message += _without(integration.refuse_dropped(scratch, state, plan))
            reason = merge.merge_obstacle(scratch, plan)
        except MergeRefusedError as error:
            reason, files = str(error), error.files
    if reason:
        outcome = "merge_conflict" if files else "land_blocked"
        message = f"{state.task_name}: {stop_reasons.find(outcome).meaning}: {reason}"
    return Landing(
        run_id=state.id, task_path=state.start.task, to=to, outcome=outcome, message=message
    )


def _without(dropped: tuple[str, ...]) -> str:
    return f", without its changes to {join_limited(dropped, 5)}" if dropped else ""


def _plan(scratch: Repo, base: str, branch: str, to: str | None) -> MergePlan:
    try:
        return merge.plan_integration(
            scratch, branch, to, lambda _: branch, base=base, may_sign=False
        )
    except LostBaseError:
        return merge.plan_on_top(scratch, base, branch, to or "")
