"""What a job does now: which tasks start, which never will and why, and when to look again. Pure.

Every decision is made from all facts anew, so that nothing is lost with a process or a message.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from runr.jobs.model import Collision, Job
from runr.jobs.work import Item, Ordering, StepOrder, Work
from runr.scope.overlap import overlaps
from runr.tasks.model import short_name

Status = Literal["waiting", "running", "completed", "failed", "skipped", "left_out"]

#: The statuses of tasks that this job does nothing more about.
ENDED: tuple[Status, ...] = ("completed", "failed", "skipped", "left_out")


class Progress(NamedTuple):
    """How far a task is; a waiting one does not start before `not_before`, in seconds."""

    status: Status = "waiting"
    not_before: float = 0.0


class Wait(NamedTuple):
    """What keeps a task from starting whose turn has come: a run outside of the job, or a person.

    Such a run ends by itself, so the job waits for it; for a person it does not. `on_target` says
    that the target has what the branch of the job needs, `job_run_id` whose branch does.
    """

    reason: str
    run_id: str | None = None
    job_run_id: str | None = None
    on_target: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known at one moment; times are seconds since 1970.

    `held` are tasks that wait for something outside of the job, `lost` those that can never start
    because of something outside of it, with the reason.
    `touched` are the files that running tasks have changed. `parked` maps workers to when
    their account can be used again. `limit` says which limit of the job is reached.
    """

    now: float
    progress: Mapping[str, Progress]
    held: Mapping[str, Wait] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)
    touched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parked: Mapping[str, float] = field(default_factory=dict)
    limit: str | None = None
    draining: bool = False

    def status(self, task: str) -> Status:
        """Return the status of a task."""
        known = self.progress.get(task)
        return known.status if known else "waiting"


class Decision(NamedTuple):
    """What to do now.

    `start` in this order; `skip` are tasks that can never start, `leave_out` those that are not
    needed, as nothing failed, `fail` those that may not run beside a running one; `delayed` says
    why others do not start yet, `waits` what those of them wait for outside of the job whose turn
    has come. `wake_at` is when a wait ends; None where only the end of a run, or a person, changes
    anything. `over` means that nothing is running and nothing will start by itself.
    """

    start: tuple[str, ...]
    skip: Mapping[str, str]
    leave_out: Mapping[str, str]
    fail: Mapping[str, str]
    delayed: Mapping[str, str]
    waits: Mapping[str, Wait]
    wake_at: float | None
    over: bool


def decide(job: Job, work: Work, order: Ordering, facts: Facts) -> Decision:
    """Return what starts now, what never will, and why the others wait."""
    outcomes = _Outcomes(work, facts)
    skip = dict(_never(job, work, order, facts, outcomes))
    leave_out = dict(_not_needed(work, facts, outcomes, skip))
    running = _with_status("running", work.items, facts)
    chosen: list[Item] = []
    fail: dict[str, str] = {}
    delayed: dict[str, str] = {}
    waits: dict[str, Wait] = {}
    wakes: list[float] = []
    gate = _Gate(work, facts, outcomes)
    for item in _with_status("waiting", order.ranked, facts):
        if item.task in skip or item.task in leave_out:
            continue
        reason = gate.closed(item)
        if reason is None and (wait := gate.wait(item)):
            waits[item.task] = wait
            reason = wait.reason
        if reason is None and (until := _not_before(item, facts)) > facts.now:
            wakes.append(until)
            reason = _why_not_before(item, facts)
        reason = reason or facts.limit or ("the job is stopped" if facts.draining else None)
        full = len(running) + len(chosen) >= job.max_parallel
        if reason is None and full and job.collision != "fail":
            reason = f"{job.max_parallel} tasks are running"
        if reason is None:
            other = _collision(job.collision, item, [*running, *chosen], facts)
            reason = f"works on the same files as {_name(other)}" if other else None
            if other and job.collision == "fail":
                fail[item.task] = f"{reason}, and collision is fail"
                continue
        if reason is None and full:
            reason = f"{job.max_parallel} tasks are running"
        if reason is None:
            chosen.append(item)
        else:
            delayed[item.task] = reason
    idle = not (running or chosen or fail or skip or leave_out)
    ends = facts.draining or facts.limit is not None
    ends_later = wakes or any(wait.run_id for wait in waits.values())
    return Decision(
        start=tuple(item.task for item in chosen),
        skip=skip,
        leave_out=leave_out,
        fail=fail,
        delayed=delayed,
        waits=waits,
        wake_at=None if ends else min(wakes, default=None),
        over=idle and (ends or not ends_later),
    )


def _with_status(status: Status, items: Iterable[Item], facts: Facts) -> list[Item]:
    return [item for item in items if facts.status(item.task) == status]


def _never(
    job: Job, work: Work, order: Ordering, facts: Facts, outcomes: "_Outcomes"
) -> Iterator[tuple[str, str]]:
    """Yield the waiting tasks that can never start in this job, with the reason."""
    failed = _with_status("failed", work.items, facts)
    tracks = {item.track: item for item in reversed(failed)}
    steps = {step.name: step for step in work.steps}
    lost = {i.task for i in (*failed, *_with_status("skipped", work.items, facts))}
    left_out = _with_status("left_out", work.items, facts)
    spared = {item.task for item in left_out if outcomes.is_spared(steps[item.step])}
    strict = job.on_failure != "continue"
    for item in _with_status("waiting", work.items, facts):
        step = steps[item.step]
        need = _first(item.needs, lost)
        if reason := order.cycles.get(item.task):
            yield item.task, reason
        elif failed and job.on_failure == "stop_job":
            yield item.task, f"{_name(failed[0])} failed, which stops the job"
        elif need is not None:
            yield item.task, f"it depends on {short_name(need)}, which was not completed"
        elif not outcomes.is_spared(step) and (need := _first(item.needs, spared)):
            why = "which is left out: nothing before it failed"
            yield item.task, f"it depends on {short_name(need)}, {why}"
        elif reason := facts.lost.get(item.task) or outcomes.refusal(step, strict=strict):
            yield item.task, reason
        elif step.when == "succeeded" and job.on_failure == "stop_track" and item.track in tracks:
            yield item.task, f"{_name(tracks[item.track])} failed, which stops its track"


def _first(needs: Iterable[str], among: Collection[str]) -> str | None:
    return next((need for need in needs if need in among), None)


def _not_needed(
    work: Work, facts: Facts, outcomes: "_Outcomes", skip: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the waiting tasks that are for a failure, where all before them is completed."""
    steps = {step.name: step for step in work.steps}
    for item in _with_status("waiting", work.items, facts):
        if item.task not in skip and outcomes.is_spared(steps[item.step]):
            yield item.task, "nothing before it failed, and its step is for that"


class _Outcomes:
    """How the steps have ended so far; one without tasks is as those before it."""

    def __init__(self, work: Work, facts: Facts) -> None:
        self._steps = {step.name: step for step in work.steps}
        self._open: set[str] = set()
        self._lost: set[str] = set()
        self._filled: set[str] = set()
        for item in work.items:
            status = facts.status(item.task)
            if status == "left_out":
                continue  # as if the step did not have it
            self._filled.add(item.step)
            if status not in ENDED:
                self._open.add(item.step)
            elif status != "completed":
                self._lost.add(item.step)
        self._ended: set[str] = set()
        self._refusals: dict[tuple[str, bool], str | None] = {}

    def ended(self, name: str) -> bool:
        """Tell whether nothing of a step, or of those before it, is left to do."""
        pending, seen = [name], {name}
        while pending:
            step = pending.pop()
            if step in self._open:
                self._open.add(name)
                return False
            more = {each for each in self._steps[step].befores if each not in self._ended} - seen
            seen |= more
            pending += more
        self._ended |= seen
        return True

    def lost(self, name: str) -> bool:
        """Tell whether a task of a step was not completed, and will not be."""
        return name in self._lost

    def refusal(self, step: StepOrder, *, strict: bool) -> str | None:
        """Say why a step never starts; the one before it in its track matters with `strict`."""
        asked = (step.name, strict)
        if asked not in self._refusals:
            self._refusals[asked] = self._refusal(step, strict=strict)
        return self._refusals[asked]

    def is_spared(self, step: StepOrder) -> bool:
        """Tell whether a step for a failure is not needed: what comes before it is completed."""
        if step.when != "failed":
            return False
        befores = self._before(step)
        return all(map(self.ended, befores)) and not any(map(self.lost, befores))

    def _refusal(self, step: StepOrder, *, strict: bool) -> str | None:
        if step.when != "succeeded":
            return None
        counted = self._before(step) if strict else step.after
        bad = next((name for name in counted if self.lost(name)), None)
        return f"the step {bad} was not completed" if bad else None

    def _before(self, step: StepOrder) -> tuple[str, ...]:
        """Return the steps right before this one, past those without tasks."""
        found: list[str] = []
        pending, seen = list(step.befores), set(step.befores)
        while pending:
            name = pending.pop()
            if name in self._filled:
                found.append(name)
                continue
            more = set(self._steps[name].befores) - seen
            seen |= more
            pending += more
        return tuple(sorted(found))


class _Gate:
    """Whether all that comes before a task has ended."""

    def __init__(self, work: Work, facts: Facts, outcomes: _Outcomes) -> None:
        self._steps = {step.name: step for step in work.steps}
        self._tasks = {item.task for item in work.items}
        self._facts = facts
        self._outcomes = outcomes

    def closed(self, item: Item) -> str | None:
        """Say what the task waits for; None where nothing keeps it from starting."""
        for name in self._steps[item.step].befores:
            if not self._outcomes.ended(name):
                return f"the step {name} comes first"
        for need in item.needs:
            if need in self._tasks and self._facts.status(need) not in ("completed", "left_out"):
                return f"{short_name(need)} comes first"
        return None

    def wait(self, item: Item) -> Wait | None:
        """Return what outside of the job the task waits for, once nothing comes before it."""
        for need in item.needs:
            if self._facts.status(need) == "left_out":
                return Wait(f"it depends on {short_name(need)}, which is left out")
        return self._facts.held.get(item.task)


def _not_before(item: Item, facts: Facts) -> float:
    known = facts.progress.get(item.task)
    own = known.not_before if known else 0.0
    return max(own, min((facts.parked.get(name, 0.0) for name in item.workers), default=0.0))


def _why_not_before(item: Item, facts: Facts) -> str:
    closed = [name for name in item.workers if facts.parked.get(name, 0.0) > facts.now]
    if len(closed) == len(item.workers):
        return f"the account of {closed[0]} cannot be used yet"
    return "its next try comes later"


def _collision(policy: Collision, item: Item, busy: list[Item], facts: Facts) -> Item | None:
    """Return a busy task that works on the same files, as it owns or has touched."""
    if policy == "ignore":
        return None
    for other in busy:
        if overlaps(item.owns, (*other.owns, *facts.touched.get(other.task, ()))):
            return other
    return None


def _name(item: Item) -> str:
    return short_name(item.task)
