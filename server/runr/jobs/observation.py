"""How things are around a job run: what tasks wait for, which limits are reached, how it ends."""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from runr.clock import format_utc
from runr.jobs import outcomes, outside
from runr.jobs.engine import Engine
from runr.jobs.events import AccountParked, TaskFound, TaskLeftOut, TaskReopened, TaskSkipped
from runr.jobs.model import BY_A_PERSON
from runr.jobs.outside import Needs, Outside
from runr.jobs.planner import Decision, Facts, Progress, Status, Wait
from runr.jobs.state import JobResult, JobState, TaskProgress
from runr.jobs.work import Item
from runr.lifecycle import account_limits
from runr.project import Project
from runr.query.snapshot import Snapshot
from runr.runs import journal, stop_reasons
from runr.runs.events import WorkerFallback
from runr.runs.model import JobTerms, RunState
from runr.status.model import State
from runr.tasks.model import short_name
from runr.text import format_duration
from runr.workers import registry

#: How the planner sees a task that is about to start, or is left to a person.
_SEEN: dict[str, Status] = {"starting": "running", "held": "waiting"}


def facts(project: Project, engine: Engine, state: JobState) -> Facts:
    """Return what the planner has to know now."""
    now = project.clock()
    progress = {each.task: _progress(each) for each in state.tasks}
    needed = dict(_outside(project, state))
    return Facts(
        now=now.timestamp(),
        progress=progress,
        held={task: each.wait for task, each in needed.items() if each.wait},
        lost={task: each.never for task, each in needed.items() if each.never},
        touched=_touched(engine, state),
        parked={
            name: datetime.fromisoformat(each.until).timestamp()
            for name, each in parked(project, state).items()
            if each.until is not None
        },
        limit=limit_reached(state, now),
        draining=state.stopping,
    )


def parked(project: Project, state: JobState) -> dict[str, AccountParked]:
    """Map the workers of the job whose account is parked to what parked it."""
    config = project.config()
    # A program that is missing under one name says nothing about the account.
    missing = {each.worker: each for each in state.parked if each.code == "worker_unavailable"}
    others = (each for each in state.parked if each.code != "worker_unavailable")
    accounts = {registry.account(each.worker, config): each for each in others}
    names = {name for item in state.start.work.items for name in item.workers}
    known = {
        name: missing.get(name) or accounts.get(registry.account(name, config)) for name in names
    }
    return {name: each for name, each in known.items() if each is not None}


def limits_outside(project: Project, state: JobState, chance: float) -> Iterator[AccountParked]:
    """Yield the usage limits that runs outside of the job have met, and it does not know yet."""
    own = {run_id for each in state.tasks for run_id in each.runs}
    limits = account_limits.reached(project, besides=own)
    if not limits:
        return
    known, config = parked(project, state), project.config()
    workers = {
        registry.account(name, config): name
        for item in state.start.work.items
        for name in item.workers
    }
    for account in workers.keys() & limits.keys():
        name, limit = workers[account], limits[account]
        until = known.get(name)
        if until is not None and (until.until is None or until.until >= limit.until):
            continue
        reset, why = datetime.fromisoformat(limit.until), f"run {limit.run_id} has met its limit"
        found = outcomes.park(state.start.job, name, reset, why, now=project.clock(), chance=chance)
        yield found if found.until else found._replace(detail=f"{why}; {found.detail}")


def met_inside(
    project: Project, state: JobState, run: RunState, worker: str, chance: float
) -> Iterator[AccountParked]:
    """Yield what accounts met in a run that began with `worker` and ended with another one.

    The next tasks do not ask them again.
    """
    if run.last_worker == worker:
        return
    now, known = project.clock(), parked(project, state)
    for event in journal.events(project.layout.run(run.id)):
        if isinstance(event.data, WorkerFallback) and event.data.worker not in known:
            found = outcomes.met_inside(state.start.job, event.data, now=now, chance=chance)
            if found and (found.until is None or found.until > format_utc(now)):
                yield found


def _progress(each: TaskProgress) -> Progress:
    until = datetime.fromisoformat(each.not_before).timestamp() if each.not_before else 0.0
    status: Status = _SEEN.get(each.status, each.status)  # type: ignore[arg-type]
    return Progress(status, until)


def _touched(engine: Engine, state: JobState) -> dict[str, tuple[str, ...]]:
    """Return what running tasks have changed, where another task could collide with it."""
    owned = {item.task for item in state.start.work.items if item.owns}
    waiting = any(each.status == "waiting" and each.task in owned for each in state.tasks)
    if state.start.job.collision == "ignore" or not waiting:
        return {}
    running = (each for each in state.tasks if each.status == "running" and each.run_id)
    return {each.task: engine.touched(each.run_id or "") for each in running}


def _outside(project: Project, state: JobState) -> Iterator[tuple[str, Needs]]:
    """Yield the tasks that need something from outside of the job: a run, or a person."""
    snapshot = Snapshot.of(project)
    states, around = snapshot.task_states(), Outside(project, state.start.target, snapshot)
    completed = {each.task for each in state.tasks if each.status == "completed"}
    items = {item.task: item for item in state.start.work.items}
    closed = {name: each for name, each in parked(project, state).items() if each.until is None}
    for each in state.tasks:
        if each.status == "held":
            meaning = stop_reasons.find(each.code or "error").meaning
            yield each.task, Needs(outside.working(project, each.run_id) or Wait(meaning))
        if each.status != "waiting":
            continue
        item, needed = items[each.task], Needs()
        if each.task in states:
            needed = around.needs(item, runs=each.runs, completed=completed)
        if any(needed):
            yield each.task, needed
        elif set(item.workers) <= closed.keys():
            why = closed[item.workers[0]]
            reason = f"{why.worker}: {stop_reasons.explain(why.code, why.worker)}"
            yield each.task, Needs(Wait(reason))


def found_outside(
    project: Project, state: JobState
) -> Iterator[TaskFound | TaskReopened | TaskSkipped | TaskLeftOut]:
    """Yield what happened to tasks without this job: completed, reset, gone, or left out."""
    entries = project.entries()
    known = {each.task: each for each in state.tasks}
    for item in state.start.work.items:
        each = known[item.task]
        entry = entries.get(item.task)
        done = entry is not None and entry.status is State.COMPLETED
        by_others = each.found_by is not None or each.run_id is None
        if each.status == "completed" and by_others and not done:
            yield TaskReopened(item.task)
        if each.status not in ("waiting", "held", "left_out", "failed") or each.rejected:
            continue
        if entry is not None and done and entry.last_run_id not in each.runs:
            if _counts(project, state, item):
                yield TaskFound(item.task, entry.completed_by or "")
        elif each.status == "failed":
            continue  # its end is known
        elif not os.path.lexists(f"{project.layout.root}/{item.task}"):
            yield TaskSkipped(item.task, "its task file is gone")
        elif item.manual and state.start.job.on_manual == "skip" and each.status == "waiting":
            yield TaskLeftOut(item.task, BY_A_PERSON)


def behind_completed(before: JobState, now: JobState) -> Iterator[str]:
    """Yield the tasks that were skipped before one that had failed is completed."""
    failed = {each.task for each in before.tasks if each.status == "failed"}
    skipped = {each.task for each in before.tasks if each.status == "skipped"}
    if any(each.task in failed and each.status == "completed" for each in now.tasks):
        yield from (
            each.task for each in now.tasks if each.status == "skipped" and each.task in skipped
        )


def _counts(project: Project, state: JobState, item: Item) -> bool:
    """Tell whether a completion is good for the job: it is not stale, and its commit is at hand."""
    found = Snapshot.of(project).task_states().get(item.task)
    return found is None or not (
        found.renewed or outside.elsewhere(project, state.start.target, found)
    )


def limit_reached(state: JobState, now: datetime) -> str | None:
    """Say which limit of the job is reached; None where none is."""
    return base_failed(state) or time_over(state, now) or outcomes.spent(state)


class Left(TypedDict):
    """What the next run may use; None where the job has no such limit."""

    budget_usd: float | None
    max_tokens: int | None


def left_of_limits(state: JobState, running: Sequence[JobTerms] = ()) -> Left:
    """Return the share of what is left of the limits of the job, for the next run.

    What the `running` ones may use is theirs. The rest is shared with those that can start beside
    this one, so that all together stay within the limits, as far as each keeps to its own.
    """
    limits = state.start.job.limits
    budget, tokens = limits.budget_usd, limits.max_tokens
    if budget is None and tokens is None:
        return Left(budget_usd=None, max_tokens=None)
    used = state.usage
    free = state.start.job.max_parallel - len(running)
    to_start = sum(each.status in ("waiting", "starting") for each in state.tasks)
    runs = max(1, min(free, to_start))
    if budget is not None:
        kept = (used.cost_usd or 0) + sum(terms.budget_usd or 0 for terms in running)
        budget = max(round((budget - kept) / runs, 4), 0.0001)
    if tokens is not None:
        kept_tokens = used.input_tokens + used.output_tokens
        kept_tokens += sum(terms.max_tokens or 0 for terms in running)
        tokens = max((tokens - kept_tokens) // runs, 1)
    return Left(budget_usd=budget, max_tokens=tokens)


def base_failed(state: JobState) -> str | None:
    """Say which check failed before any work was done, where the job is not to go on then."""
    if state.start.job.on_base_failure == "continue" or not state.base_failures:
        return None
    return state.base_failures[0]


def time_over(state: JobState, now: datetime) -> str | None:
    """Say which limit of time is reached: what is running is stopped, too."""
    limits = state.start.job.limits
    led_s = (now - datetime.fromisoformat(state.since)).total_seconds() - state.lost_s
    if limits.time_s is not None and led_s >= limits.time_s:
        return f"the time of the job, {format_duration(limits.time_s)}, is over"
    if state.ends_at is not None and format_utc(now) >= state.ends_at:
        return f"the window of the job ended at {limits.until}"
    return None


def end_of(state: JobState) -> datetime | None:
    """Return when the time of the job is over, whichever limit comes first."""
    limits, ends = state.start.job.limits, []
    if limits.time_s is not None:
        led = timedelta(seconds=limits.time_s + state.lost_s)
        ends.append(datetime.fromisoformat(state.since) + led)
    if state.ends_at is not None:
        ends.append(datetime.fromisoformat(state.ends_at))
    return min(ends, default=None)


def waits_in_vain(state: JobState, wake_at: float | None) -> str | None:
    """Say that a wait would be longer than the job, where nothing else is running."""
    end = end_of(state)
    if wake_at is None or end is None or wake_at < end.timestamp():
        return None
    waits = next((each for each in state.parked if each.until is not None), None)
    what = f"{waits.worker} can be used again" if waits else "the next try comes"
    at = datetime.fromtimestamp(wake_at, UTC)
    return f"{what} at {at:%Y-%m-%d %H:%M} UTC, after the end of the job"


def verdict(state: JobState, decision: Decision, now: datetime) -> tuple[JobResult, str, str]:
    """Return how the job ends, why, and the stop code that its exit code comes from."""
    left = [each for each in state.tasks if each.status not in ("completed", "left_out")]
    if not left:
        # Runs side by side can use more than was left when each of them began.
        return "completed", outcomes.spent(state) or "", ""
    if in_vain := waits_in_vain(state, decision.wake_at):
        return "failed", in_vain, "usage_limit"
    if state.stopping:
        return "stopped", f"stopped by {state.stopped_by}", "stopped"
    blocked = next((each for each in state.parked if each.until is None), None)
    if blocked is not None:
        meaning = stop_reasons.explain(blocked.code, blocked.worker)
        detail = f" ({blocked.detail.splitlines()[0]})" if blocked.detail else ""
        return "failed", f"{blocked.worker}: {meaning}{detail}", blocked.code
    if limit := limit_reached(state, now):
        return "failed", limit, "verification_failed" if base_failed(state) else "time_limit"
    lost = [each for each in left if each.status in ("failed", "skipped")]
    if not lost:
        first = next((each for each in left if each.task in decision.waits), left[0])
        reason = decision.delayed.get(first.task, first.detail)
        return "paused", f"{short_name(first.task)}: {reason}", "needs_human"
    failed = next((each for each in lost if each.status == "failed"), lost[0])
    reason = f"{short_name(failed.task)}: {outcomes.reason(failed) or 'it failed'}"
    return "failed", reason, failed.code if failed.code in stop_reasons.STOPS else "error"
