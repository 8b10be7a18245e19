"""Run all ready tasks, including those that become ready meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from runr.errors import (
    AlreadyRunningError,
    RepositoryError,
    RunrError,
    UnknownNameError,
    WorkerUnavailableError,
)
from runr.lifecycle import account_limits, follow, start
from runr.lifecycle import runs as lifecycle_runs
from runr.lifecycle.start import RunRequest
from runr.next_steps.runs import after_batch
from runr.next_steps.tasks import ListFacts, after_list
from runr.project import Project
from runr.query import listing
from runr.query.detail_models import RunDetails
from runr.query.filters import MATCH_ALL, Filter
from runr.query.models import Kind, Result
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.runs import journal, stop_reasons
from runr.runs.events import Event
from runr.status.model import State
from runr.tasks.model import short_name
from runr.text import pluralize
from runr.workers import registry

OnStart = Callable[[RunDetails], None]


class _Exhausted(NamedTuple):
    """An account that starts nothing more: the worker that has met that, why, and until when."""

    worker: str
    reason: str | None
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult(Result):
    """The runs of a batch.

    `refused` has one line for each task that could not be started; `needs_human_paths`
    are the tasks that need a person, `stopped_paths` those with a run to resume,
    `unstarted_paths` those that are ready, of a worker whose account cannot be used.
    """

    runs: list[RunDetails] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    needs_human_paths: list[str] = field(default_factory=list)
    stopped_paths: list[str] = field(default_factory=list)
    unstarted_paths: list[str] = field(default_factory=list)
    message: str = ""


def _ignore(_: object) -> None:
    """Do nothing."""


def run_ready(
    project: Project,
    *,
    kinds: tuple[Kind, ...] = ("automated",),
    wanted: Filter = MATCH_ALL,
    worker: str | None = None,
    in_place: bool = False,
    wait_for_limit: bool = False,
    on_begin: OnStart = _ignore,
    on_event: Callable[[Event], None] = _ignore,
    on_end: OnStart = _ignore,
) -> BatchResult:
    """Run ready tasks of these kinds one after another, by priority, each once.

    Tasks that wait for a person or whose run has stopped are left out, and so are those of
    a worker whose account has used up its limit, has no credit or is not logged in. Where no task
    could be run at all, the first reason is raised.
    """
    project = _warning_once(project)
    runs: list[RunDetails] = []
    refused: dict[str, RunrError] = {}
    tried: set[str] = set()
    config = project.config()
    earlier = {} if wait_for_limit else _limited(project)
    exhausted = dict(earlier)
    usual = worker or config.run.worker

    def account_of(task: TaskState) -> str:
        return registry.account(worker or task.task.worker or usual, config)

    def may_start(task: TaskState) -> bool:
        return task.path not in tried and account_of(task) not in exhausted

    while (path := _next(project, kinds, wanted, may_start)) is not None:
        tried.add(path)
        request = RunRequest(
            task=path, worker=worker, in_place=in_place, wait_for_limit=wait_for_limit
        )
        try:
            answer = start.run_task(project, request)
        except AlreadyRunningError:
            continue  # another process has started it meanwhile
        except (WorkerUnavailableError, UnknownNameError, RepositoryError) as error:
            refused[path] = error
            continue
        on_begin(answer.run)
        runs.append(follow.wait_for_run(project, answer.run.id, on_event=on_event))
        on_end(runs[-1])
        if runs[-1].stop_reason in stop_reasons.OF_THE_ACCOUNT:
            exhausted[registry.account(runs[-1].worker, config)] = _as_exhausted(runs[-1])
    if refused and not runs:
        raise next(iter(refused.values()))
    text = [f"{short_name(path)}: {error.message}" for path, error in refused.items()]
    matching = _matching(project, wanted)
    idle = (task for task in matching if task.path not in tried)
    left = [task for task in idle if task.ready or task.lands]
    others = [task.path for task in left if task.task.type not in kinds]
    waiting = sorted([task.path for task in matching if task.needs_human] + others)
    stopped = [task.path for task in left if task.interrupted and task.path not in others]
    unstarted = [task for task in left if task.path not in {*others, *stopped}]
    if matching or runs or refused:
        message = _summary(runs, waiting, stopped)
        open_ = [account_of(task) for task in unstarted]
        # A limit that was known before is of interest only to what it kept from starting.
        named = [name for name in exhausted if name in open_ or name not in earlier]
        message += "".join(f"; {_left_out(exhausted[name], open_.count(name))}" for name in named)
        landing = [task.path for task in left if task.lands]
        steps = after_batch(ran=bool(runs), stopped=stopped, waiting=waiting, landing=landing)
    else:
        message = listing.none_meant(wanted).capitalize()
        steps = after_list(ListFacts(total=0, in_all=len(project.tasks())))
    return BatchResult(
        runs=runs,
        refused=text,
        needs_human_paths=waiting,
        stopped_paths=stopped,
        unstarted_paths=[task.path for task in unstarted],
        message=message,
        next_steps=project.surface.lines(steps),
    )


def resume_all(
    project: Project,
    *,
    on_begin: OnStart = _ignore,
    on_event: Callable[[Event], None] = _ignore,
    on_end: OnStart = _ignore,
) -> BatchResult:
    """Resume every run that has stopped and needs no decision, those that stopped first first.

    Those of a worker whose account has used up its limit, has no credit or is not logged in are
    left out as soon as one has met that.
    """
    project = _warning_once(project)
    resumed: list[RunDetails] = []
    refused: list[str] = []
    config, exhausted = project.config(), _limited(project)
    waiting: list[str] = []
    for task, run_id in _stopped(project):
        state = journal.require(project.layout.run(run_id))
        if state.stop_reason in stop_reasons.FOR_A_PERSON:
            waiting.append(task)
            continue
        known = exhausted.get(registry.account(state.last_worker, config))
        if known is not None:
            when = f" until {known.until}" if known.until else ""
            why = f"the account of {state.last_worker} cannot be used{when}"
            refused.append(f"{short_name(task)}: {why}")
            continue
        try:
            answer = lifecycle_runs.resume_run(project, run_id)
        except RunrError as error:
            refused.append(f"{short_name(task)}: {error.message}")
            continue
        on_begin(answer.run)
        resumed.append(
            follow.wait_for_run(project, run_id, on_event=on_event, after=answer.run.seq)
        )
        on_end(resumed[-1])
        if resumed[-1].stop_reason in stop_reasons.OF_THE_ACCOUNT:
            exhausted[registry.account(resumed[-1].worker, config)] = _as_exhausted(resumed[-1])
    left = [_path for _path, _ in _stopped(project) if _path not in waiting]
    message = _summary(resumed, waiting, left) if resumed else "No run was resumed"
    steps = after_batch(ran=True, stopped=left, waiting=waiting)
    return BatchResult(
        runs=resumed,
        refused=refused,
        needs_human_paths=waiting,
        stopped_paths=left,
        message=message,
        next_steps=project.surface.lines(steps),
    )


def _stopped(project: Project) -> list[tuple[str, str]]:
    """Return the tasks whose last run has stopped, with that run, the first to stop first."""
    found = [
        (entry.updated_at or "", task, entry.last_run_id)
        for task, entry in project.entries().items()
        if entry.status in (State.STOPPED, State.FAILED) and entry.last_run_id
    ]
    return [(task, run_id) for _, task, run_id in sorted(found)]


def summarize(runs: list[RunDetails]) -> BatchResult:
    """Return the result of runs that were started by name."""
    return BatchResult(runs=runs, message=_summary(runs, [], []))


def _warning_once(project: Project) -> Project:
    """Return the project with each warning shown at the first run that it is about."""
    known: set[str] = set()

    def warn(message: str) -> None:
        if message not in known:
            known.add(message)
            project.warn(message)

    return replace(project, warn=warn)


def _limited(project: Project) -> dict[str, _Exhausted]:
    """Map the accounts whose usage limit earlier runs have met to until when that is so."""
    found = account_limits.reached(project).items()
    return {
        account: _Exhausted(limit.worker, "usage_limit", limit.until) for account, limit in found
    }


def _as_exhausted(run: RunDetails) -> _Exhausted:
    return _Exhausted(run.worker, run.stop_reason, run.resets_at)


def _left_out(known: _Exhausted, number: int) -> str:
    """Say why no further task of a worker was started."""
    meaning = stop_reasons.explain(known.reason, known.worker)
    when = f" until {known.until}" if known.until else ""
    return f"{known.worker}: {meaning}{when}, {pluralize(number, 'ready task')} not started"


def _next(
    project: Project,
    kinds: tuple[Kind, ...],
    wanted: Filter,
    may_start: Callable[[TaskState], bool],
) -> str | None:
    snapshot = Snapshot.of(project)
    task_states = snapshot.task_states()
    fresh = [
        task
        for task in listing.select(project, task_states.values(), wanted)
        if task.ready and task.task.type in kinds and not task.interrupted
    ]
    ranked = snapshot.ranked(filter(may_start, fresh))
    return ranked[0].path if ranked else None


def _matching(project: Project, wanted: Filter) -> list[TaskState]:
    return listing.select(project, Snapshot.of(project).task_states().values(), wanted)


def _summary(runs: list[RunDetails], waiting: list[str], stopped: list[str]) -> str:
    done = sum(run.status == "completed" for run in runs)
    total = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    text = f"{done} of {total} completed" if runs else "No automated task is ready"
    weaker = sum(run.verified_in == "workspace" and run.status == "completed" for run in runs)
    text += f", {weaker} of them verified in the workspace" if weaker else ""
    names = ", ".join(map(short_name, waiting))
    earlier = ", ".join(map(short_name, stopped))
    text += f"; waiting for a person: {names}" if names else ""
    return text + (f"; stopped: {earlier}" if earlier else "")
