"""What a job would do: the plan of `--dry-run`, by playing the planner forward."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from runr.jobs import branch, control, estimates, expansion, journal, planner, preflight, work
from runr.jobs import state as job_state
from runr.jobs.estimates import History
from runr.jobs.events import JobEvent, JobResumed
from runr.jobs.model import Job
from runr.jobs.outside import Needs, Outside
from runr.jobs.planner import Facts, Progress
from runr.jobs.preflight import Finding
from runr.jobs.work import Item, Work
from runr.next_steps import commands
from runr.project import Project
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.scope.overlap import overlapping


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """When a task would start: `wave` counts starts from 1, the times are in seconds.

    Without a history, every task is taken for one as long as the others.
    """

    path: str
    step: str
    worker: str
    wave: int
    starts_s: float
    estimate_s: float | None = None
    estimate_usd: float | None = None
    depends_on: list[str] = field(default_factory=list)
    collides_with: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan(Result):
    """What a job would do.

    `not_started` has the tasks that would not start, with the reason. `findings` is what would
    stop it; `seconds` and `cost_usd` are estimates from earlier runs, None where there are none.
    """

    job: str
    base_sha: str
    target: str | None = None
    land: str
    max_parallel: int
    ends_at: str | None = None
    tasks: list[PlannedTask]
    not_started: dict[str, str] = field(default_factory=dict)
    completed: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    most_parallel: int = 0
    seconds: float | None = None
    cost_usd: float | None = None


def plan_job(project: Project, job: Job) -> JobPlan:
    """Return the plan of a job; the checks of the settings are run on the base."""
    snapshot = Snapshot.of(project)
    expanded = expansion.expand_open(project, job, snapshot)
    target, base = branch.base_of(project, job)
    history = estimates.of(project)
    outside = Outside(project, target, snapshot)
    played = _Played(
        job, expanded.work, history, _needed(outside, expanded.work.items, expanded.completed, {})
    )
    played.play(dict.fromkeys(expanded.completed, Progress("completed")))
    known = [task.estimate_usd for task in played.tasks if task.estimate_usd is not None]
    return JobPlan(
        job=job.name,
        base_sha=base.commit,
        target=target or None,
        land=job.land,
        max_parallel=job.max_parallel,
        ends_at=control.window_end(job.limits, project.clock()),
        tasks=played.tasks,
        not_started={**played.not_started, **expanded.not_ready},
        completed=list(expanded.completed),
        findings=[
            *played.findings(),
            *preflight.look(project, job, expanded.work, base.commit, checks=True),
        ],
        most_parallel=played.most_parallel,
        seconds=played.now if history.usual_s is not None else None,
        cost_usd=sum(known) if known else None,
        next_steps=project.surface.lines([commands.list_jobs()]),
    )


def plan_again(project: Project, wanted: str | None, *, retry: bool) -> JobPlan:
    """Return the plan of a job run that goes on: what is left, and with `retry` what has failed."""
    files = journal.find(project.layout, wanted)
    again = control.what_is_left(project, files, retry=retry)
    job = again.state.start.job
    ends_at = control.window_end(job.limits, project.clock())
    resumed = JobResumed(again.retried, ends_at)
    state = job_state.apply(again.state, JobEvent(again.state.seq + 1, project.now(), resumed))
    redone = {each.task for each in again.rejected}
    ended = {
        each.task: Progress(each.status)
        for each in state.tasks
        if each.status in ("completed", "failed") and each.task not in redone
    }
    left = tuple(item for item in state.start.work.items if item.task not in ended)
    runs = {each.task: each.runs for each in state.tasks}
    snapshot, history = Snapshot.of(project), estimates.of(project)
    outside = Outside(project, state.start.target, snapshot)
    done = [task for task, each in ended.items() if each.status == "completed"]
    needed = _needed(outside, left, done, runs)
    played = _Played(job, state.start.work, history, needed)
    played.play(ended)
    base = project.repo.resolve(f"refs/heads/{state.start.branch}") or state.start.base_sha
    open_work = Work(left, state.start.work.steps)
    return JobPlan(
        job=state.name,
        base_sha=base,
        target=state.start.target or None,
        land=job.land,
        max_parallel=job.max_parallel,
        ends_at=ends_at,
        tasks=played.tasks,
        not_started=played.not_started,
        completed=done,
        findings=[
            *played.findings(),
            *preflight.look(project, job, open_work, base, checks=False),
        ],
        most_parallel=played.most_parallel,
        seconds=played.now if history.usual_s is not None else None,
        next_steps=project.surface.lines([commands.job_status(state.id)]),
    )


def find_problems(project: Project, job: Job) -> list[Finding]:
    """Return what would stop a job, as far as it is known without running a check."""
    snapshot = Snapshot.of(project)
    expanded = expansion.expand_open(project, job, snapshot)
    target, base = branch.base_of(project, job)
    outside = Outside(project, target, snapshot)
    needed = _needed(outside, expanded.work.items, expanded.completed, {})
    played = _Played(job, expanded.work, History({}, {}), needed)
    if job.collision == "fail":
        # The times of the others do not matter, and many tasks take long to play.
        played.play(dict.fromkeys(expanded.completed, Progress("completed")))
    look = preflight.look(project, job, expanded.work, base.commit, checks=False)
    return [*played.findings(), *look]


def _needed(
    outside: Outside,
    items: Iterable[Item],
    done: Collection[str],
    runs: Mapping[str, tuple[str, ...]],
) -> dict[str, Needs]:
    """Return what tasks need from outside of the job; what others run now is not waited for."""
    open_ = (item for item in items if item.task not in done)
    needed = {
        item.task: outside.needs(item, runs=runs.get(item.task, ()), completed=done)
        for item in open_
    }
    return {
        task: each._replace(wait=each.wait and each.wait._replace(run_id=None))
        for task, each in needed.items()
    }


class _Played:
    """A job played forward, with tasks that take as long as they usually do and all succeed."""

    def __init__(self, job: Job, wanted: Work, history: History, needed: dict[str, Needs]) -> None:
        self._job = job
        self._work = wanted
        self._order = work.ordering(wanted)
        self._history = history
        self._held = {task: each.wait for task, each in needed.items() if each.wait}
        self._lost = {task: each.never for task, each in needed.items() if each.never}
        self._items = {item.task: item for item in wanted.items}
        self.tasks: list[PlannedTask] = []
        self.not_started: dict[str, str] = {}
        self._failing: dict[str, str] = {}
        self._waves = 0
        self.most_parallel = 0
        self.now = 0.0

    def play(self, progress: dict[str, Progress]) -> None:
        """Start what the planner starts, and end the one that ends first, until all is over.

        `progress` is how far the tasks are that do not wait.
        """
        progress = {task: Progress("left_out") for task in self._left_out()} | progress
        ends: dict[str, float] = {}
        while True:
            facts = Facts(now=self.now, progress=progress, held=self._held, lost=self._lost)
            found = planner.decide(self._job, self._work, self._order, facts)
            self._failing |= found.fail
            self.not_started |= {**found.skip, **found.leave_out, **found.fail}
            progress |= {task: Progress("skipped") for task in found.skip}
            progress |= {task: Progress("left_out") for task in found.leave_out}
            progress |= {task: Progress("failed") for task in found.fail}
            for task in found.start:
                progress[task] = Progress("running")
                ends[task] = self.now + (self._history.seconds_of(task) or 1.0)
                self.tasks.append(self._planned(self._items[task]))
            self.most_parallel = max(self.most_parallel, len(ends))
            if found.over:
                self.not_started |= found.delayed
                return
            if ends:
                first = min(ends, key=lambda task: ends[task])
                self.now = ends.pop(first)
                progress[first] = Progress("completed")

    def _left_out(self) -> list[str]:
        if self._job.on_manual == "pause":
            return []
        return [each.task for each in self._work.items if each.manual]

    def findings(self) -> Iterator[Finding]:
        """Yield what the order of the job itself keeps from being completed."""
        for reason in dict.fromkeys(self._order.cycles.values()):
            yield Finding(rule="cycle", severity="error", message=reason)
        for task, reason in self._lost.items():
            if task not in self._order.cycles:
                message = f"{task.removeprefix('.runr/tasks/')} never starts: {reason}"
                yield Finding(rule="dependency", severity="error", message=message)
        for task, reason in self._failing.items():
            message = f"{task.removeprefix('.runr/tasks/')} fails: {reason}"
            yield Finding(rule="collision", severity="error", message=message)

    @cached_property
    def _colliding(self) -> dict[str, list[str]]:
        if self._job.collision == "ignore":
            return {item.task: [] for item in self._work.items}
        return overlapping({item.task: item.owns for item in self._work.items})

    def _planned(self, item: Item) -> PlannedTask:
        if not self.tasks or self.tasks[-1].starts_s < self.now:
            self._waves += 1
        return PlannedTask(
            path=item.task,
            step=item.step,
            worker=item.workers[0],
            wave=self._waves,
            starts_s=self.now,
            estimate_s=self._history.seconds_of(item.task),
            estimate_usd=self._history.dollars_of(item.task),
            depends_on=list(item.needs),
            collides_with=self._colliding[item.task],
        )
