"""The orchestrator of a job run: decides, starts, waits, records, until nothing is left to do.

It learns how things are from records only, so that another process can go on where it died.
"""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from runr.clock import format_utc
from runr.errors import AlreadyRunningError, RunrError, WorkerUnavailableError
from runr.jobs import (
    branch,
    decisions,
    job_hooks,
    journal,
    lost_time,
    observation,
    outcomes,
    planner,
    receipt,
    rejected,
    work,
)
from runr.jobs import engine as job_engine
from runr.jobs.base_checks import BaseChecks
from runr.jobs.engine import Engine, LostRun, Order
from runr.jobs.events import (
    AccountParked,
    BaseChecked,
    BranchMerged,
    EventData,
    JobEnded,
    Left,
    TaskClaimed,
    TaskEnded,
    TaskFound,
    TaskLeftOut,
    TaskRejected,
    TaskReopened,
    TaskSkipped,
    TaskStarted,
    TaskWaits,
    TimeLost,
)
from runr.jobs.journal import JobJournal
from runr.jobs.planner import Decision, Wait
from runr.jobs.state import JobState, TaskProgress
from runr.jobs.trials import Trials
from runr.project import Project
from runr.redaction import Redactor
from runr.runs.model import JobTerms, RunState, Usage
from runr.storage.layout import RunFiles

#: The longest wait between two looks at what a user has asked for.
_LOOK_S = 1.0
_SLEEP_S = 5.0


class Orchestrator:
    """One job run; `pause` waits some seconds, `chance` returns a number from 0 to 1."""

    def __init__(
        self,
        project: Project,
        files: RunFiles,
        *,
        engine: Engine | None = None,
        pause: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._journal = JobJournal(files, project.clock, Redactor(project.environment))
        state = self._journal.state()
        self._project = replace(project, branch=state.start.branch)
        self._engine = engine or job_engine.LocalEngine(self._project)
        self._pause = pause
        self._chance = chance
        self._items = {item.task: item for item in state.start.work.items}
        self._order = work.ordering(state.start.work)
        self._trials = Trials(project.config(), project.clock)
        self._decided = 0
        self._followed: str | None = None

    def run(self) -> JobState:
        """Go on until the job has ended, and return its state."""
        state = self._journal.state()
        base = BaseChecks(self._project, state)
        try:
            while state.result is None:
                if (failures := base.take()) is not None:
                    self._append(BaseChecked(failures))
                state = self._step()
        finally:
            base.end()
        receipt.write(self._project, self._journal.files, state)
        job_hooks.announce_end(self._project, self._journal.files)
        return state

    def _step(self) -> JobState:
        """Bring the record up to date, then start what can start, then wait for something."""
        for each in self._journal.state().tasks:
            if each.status == "starting":
                self._start(each.task)
        state = self._notice()
        if state.killing or observation.time_over(state, self._project.clock()):
            self._stop_runs(state)
        if self._is_full(state) and state.seq == self._decided:
            self._wait()
            return self._journal.state()
        decision = self._decide(state)
        if any(wait.on_target for wait in decision.waits.values()) and self._follow_target(state):
            return self._journal.state()
        self._apply(decision)
        idle = not any(self._running(self._journal.state()))
        if decision.over or (idle and observation.waits_in_vain(state, decision.wake_at)):
            return self._end(decision)
        self._decided = self._journal.state().seq
        if not (decision.skip or decision.leave_out or decision.fail):
            self._wait(decision)
        return self._journal.state()

    def _is_full(self, state: JobState) -> bool:
        """Tell whether nothing can start, or fail, before a run ends."""
        job = state.start.job
        running = sum(1 for _ in self._running(state))
        return running >= job.max_parallel and job.collision != "fail"

    def _append(self, data: EventData) -> JobState:
        return self._journal.append(data)

    def _decide(self, state: JobState) -> Decision:
        facts = observation.facts(self._project, self._engine, state)
        return planner.decide(state.start.job, state.start.work, self._order, facts)

    def _apply(self, decision: Decision) -> None:
        """Start what starts, and record what does not, and what tasks wait for outside."""
        for task, reason in decision.skip.items():
            self._append(TaskSkipped(task, reason))
        for task, reason in decision.leave_out.items():
            self._append(TaskLeftOut(task, reason))
        for task, reason in decision.fail.items():
            self._append(TaskEnded(task, "failed", code="collision", detail=reason))
        for task in decision.start:
            worker, _ = self._workers(self._journal.state(), task)
            if self._trials.lets_start(worker):
                self._start(task)
        for each in self._journal.state().tasks:
            wait = decision.waits.get(each.task)
            if wait is None or (each.status == "held" and wait.run_id is None):
                wait = Wait("")  # what a held task needs a person for is how its run ended
            is_open = each.status in ("waiting", "held")
            if is_open and (wait.reason, wait.run_id) != (each.waits_for, each.awaited_run_id):
                self._append(TaskWaits(each.task, *wait))

    def _notice(self) -> JobState:
        """Record what happened to tasks outside of this job."""
        state = begun = self._journal.state()
        for event in observation.found_outside(self._project, state):
            if isinstance(event, TaskFound):
                self._follow_target(state)
            state = self._append(event)
        for parked in observation.limits_outside(self._project, state, self._chance()):
            state = self._append(parked)
        for found in rejected.find(self._project, state):
            if found.is_reset and state.task(found.task).rejected is None:
                state = self._append(TaskRejected(found.task, found.run_id, found.why))
        for each in state.tasks:
            if (run := decisions.ended_since(self._project, each)) is not None:
                state = self._record(each, run)
        for task in observation.behind_completed(begun, state):
            state = self._append(TaskReopened(task))
        return state

    def _follow_target(self, state: JobState) -> bool:
        """Bring what the target has into the branch of the job; False where nothing came of it."""
        tip = self._project.repo.resolve(f"refs/heads/{state.start.target}")
        own = self._project.repo.resolve(f"refs/heads/{state.start.branch}")
        if tip is None or own is None or tip == self._followed:
            return False  # a branch that a user has deleted meanwhile is not made again
        self._followed = tip  # a conflict stays one until the target moves
        merged = branch.follow_target(self._project, state)
        if merged is not None:
            self._append(BranchMerged(merged))
        return merged is not None

    def _start(self, task: str) -> None:
        state = self._append(TaskStarted(task))
        progress, worker, others = state.task(task), *self._workers(state, task)
        order = Order(task, worker, self._terms(state, task, others), afresh=progress.afresh)
        try:
            run_id = self._engine.start(order)
        except AlreadyRunningError as error:
            # Another run was quicker: who has the task is seen at the next look.
            self._append(self._refused(progress, "waiting", error))
        except WorkerUnavailableError as error:
            self._append(AccountParked(worker, "worker_unavailable", None, error.message))
            self._append(self._refused(progress, "failed", error, code="worker_unavailable"))
        except RunrError as error:
            self._append(self._refused(progress, "failed", error, code=error.code))
        else:
            self._append(TaskClaimed(task, run_id, worker))
            self._trials.begin(worker)

    def _refused(
        self, progress: TaskProgress, outcome: str, error: RunrError, code: str = ""
    ) -> TaskEnded:
        return TaskEnded(
            progress.task,
            outcome,
            code=code,
            detail=error.message,
            failures=progress.failures,
            conflicts=progress.conflicts,
            interrupts=progress.interrupts,
            afresh=progress.afresh,
            usage=progress.usage,
        )

    def _workers(self, state: JobState, task: str) -> tuple[str, tuple[str, ...]]:
        """Return the first worker whose account can be used, and those that may take over."""
        names = self._items[task].workers
        now = format_utc(self._project.clock())
        known = observation.parked(self._project, state).items()
        closed = {name for name, each in known if each.until is None or each.until > now}
        usable = [name for name in names if name not in closed] or list(names)
        return usable[0], tuple(usable[1:])

    def _terms(self, state: JobState, task: str, fallback: tuple[str, ...]) -> JobTerms:
        job, item, progress = state.start.job, self._items[task], state.task(task)
        layout = self._project.layout
        before = journal.run_of(layout, progress.run_id) if progress.afresh else None
        return JobTerms(
            state.id,
            fallback=fallback,
            timeout_s=item.timeout_s,
            on_usage_limit="fallback" if job.on_usage_limit == "fallback" else "stop",
            earlier=outcomes.earlier(before) if before else "",
            attempts=1 if before and outcomes.met_newer_work(before) else None,
            **observation.left_of_limits(state, self._terms_of_running(state)),
        )

    def _terms_of_running(self, state: JobState) -> list[JobTerms]:
        limits = state.start.job.limits
        if limits.budget_usd is None and limits.max_tokens is None:
            return []
        runs = (journal.run_of(self._project.layout, each.run_id) for each in self._running(state))
        return [run.start.job or JobTerms(state.id) for run in runs if run is not None]

    def _stop_runs(self, state: JobState) -> None:
        """Stop what is running; its work is kept, and a resume continues it."""
        over = observation.time_over(state, self._project.clock())
        by_person = f"stopped by {state.stopped_by}, with the job {state.name}"
        why = by_person if state.killing else f"stopped by the job {state.name}: {over}"
        running = [each.run_id or "" for each in self._running(state)]
        if running:
            # Each may take its whole grace period.
            with ThreadPoolExecutor(len(running)) as pool:
                list(pool.map(lambda run_id: self._engine.stop(run_id, why), running))

    @staticmethod
    def _running(state: JobState) -> Iterator[TaskProgress]:
        return (each for each in state.tasks if each.status == "running")

    def _wait(self, decision: Decision | None = None) -> None:
        """Wait until a run ends, a wait is over, or a user may have asked for something."""
        state = self._journal.state()
        running = {each.run_id or "": each for each in self._running(state)}
        waits = decision.waits.values() if decision else ()
        awaited = {wait.run_id for wait in waits if wait.run_id} - running.keys()
        if not (running or awaited):
            now = self._project.clock().timestamp()
            left = ((decision and decision.wake_at) or now) - now
            if left > 0:
                seconds = min(left, _SLEEP_S)
                self._noting_sleep(lambda: self._pause(seconds), seconds)
            return
        looks = 1 if running or (decision and decision.wake_at) else round(_SLEEP_S / _LOOK_S)
        for _ in range(looks):
            ended = self._noting_sleep(
                lambda: self._engine.wait([*running, *awaited], _LOOK_S), _LOOK_S
            )
            for run in ended:
                if run.id in running:
                    self._record(running[run.id], run)
            over = observation.time_over(state, self._project.clock())
            if ended or over or self._journal.state().seq != state.seq:
                return

    def _noting_sleep(self, wait: Callable[[], lost_time.Found], seconds: float) -> lost_time.Found:
        found, lost = lost_time.in_wait(self._journal.files, self._project.clock, wait, seconds)
        if lost:
            self._append(TimeLost(lost))
        return found

    def _record(self, progress: TaskProgress, run: RunState | LostRun) -> JobState:
        """Record the end of a run, and what it means for the account of its worker."""
        if isinstance(run, LostRun):
            return self._append(self._lost(progress, run))
        self._trials.end(progress.worker)
        state = self._journal.state()
        item = self._items[progress.task]
        found = outcomes.assess(
            state.start.job,
            item,
            progress,
            run,
            now=self._project.clock(),
            chance=self._chance(),
        )
        ended = found.ended
        by_job = state.killing or observation.time_over(state, self._project.clock())
        if by_job and ended.code == "stopped":
            ended = ended._replace(outcome="waiting", failures=progress.failures)
        if found.parked is not None:
            self._append(found.parked)
        for parked in observation.met_inside(
            self._project, state, run, progress.worker, self._chance()
        ):
            self._append(parked)
        return self._append(ended._replace(usage=self._usage(progress, run)))

    def _lost(self, progress: TaskProgress, run: LostRun) -> TaskEnded | TaskFound:
        claim = self._engine.claim(progress.task, self._journal.state().id)
        if claim.holder == "completed":
            return TaskFound(progress.task, claim.by)
        return outcomes.lost(progress, run.reason)

    def _usage(self, progress: TaskProgress, last: RunState) -> Usage:
        """Return what all runs of a task have used."""
        layout = self._project.layout
        known = [run for run_id in progress.runs if (run := journal.run_of(layout, run_id))]
        return outcomes.total((*(run for run in known if run.id != last.id), last))

    def _end(self, decision: Decision) -> JobState:
        result, reason, code = observation.verdict(
            self._journal.state(), decision, self._project.clock()
        )
        left = tuple(Left(task, why) for task, why in decision.delayed.items())
        return self._append(JobEnded(result, reason, code, left))


def execute(project: Project, files: RunFiles) -> None:
    """Run the job to its end in this process."""
    Orchestrator(project, files).run()
