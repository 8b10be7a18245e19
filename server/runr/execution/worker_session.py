"""One assignment of a worker, within the run's limits, with backoff and fallbacks."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import anyio

from runr import nofollow
from runr.clock import format_utc
from runr.config.settings import Config, WorkerSettings
from runr.errors import WorkerUnavailableError
from runr.execution import inputs, ref_guard
from runr.execution.context import RunContext
from runr.execution.inputs import InputsGuard
from runr.execution.tree_guard import TreeGuard
from runr.git import object_check
from runr.runs import journal, spec
from runr.runs.events import (
    Event,
    RunResumed,
    UsageLimitWait,
    WorkerBackoff,
    WorkerFallback,
    WorkFinished,
)
from runr.runs.model import RunState, Usage
from runr.runs.spec import Spent
from runr.text import format_duration
from runr.workers import registry
from runr.workers.protocol import Assignment, FollowUp, WorkReport
from runr.workers.usage_limit import reset_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A worker's session, and what it has used so far."""

    id: str
    usage: Usage

    def follow_up(self, prompt: str) -> FollowUp:
        """Return how a worker continues in it."""
        return FollowUp(
            session_id=self.id,
            prompt=prompt,
            cost_usd=self.usage.cost_usd or 0.0,
            input_tokens=self.usage.input_tokens,
            output_tokens=self.usage.output_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHistory:
    """A run since it was created, or last resumed.

    `waited_s` is how long it has waited for usage limits since, `worker` the
    fallback that has taken over; `sessions` holds the last session of each worker.
    """

    since: datetime
    waited_s: float
    worker: str | None
    sessions: Mapping[str, Session]


#: A session that ended so would end so again: what follows begins a new one.
_ENDS_THE_SESSION = ("context_overflow", "model_refusal")


def load_history(events: Sequence[Event], worker: str) -> RunHistory:
    """Return a run's history; `worker` is the one that the run was created with."""
    since, fallback, waited_s = events[0].time, None, 0.0
    sessions: dict[str, Session] = {}
    for event in events:
        match event.data:
            case RunResumed():
                since, fallback, waited_s = event.time, None, 0.0
            case UsageLimitWait(until=until):
                begun = datetime.fromisoformat(event.time)
                waited_s += (datetime.fromisoformat(until) - begun).total_seconds()
            case WorkerFallback(fallback=name):
                fallback = name
            case WorkFinished(outcome=code, worker=name) if code in _ENDS_THE_SESSION:
                sessions.pop(name or worker, None)
            case WorkFinished(session_id=str(session_id), session_usage=Usage() as usage) as done:
                sessions[done.worker or worker] = Session(id=session_id, usage=usage.bounded())
    return RunHistory(
        since=datetime.fromisoformat(since),
        waited_s=waited_s,
        worker=fallback,
        sessions=sessions,
    )


def usage_of(report: WorkReport) -> Usage:
    """Return what a worker reports to have used."""
    return Usage(
        cost_usd=report.cost_usd,
        input_tokens=report.input_tokens,
        output_tokens=report.output_tokens,
        turns=report.turns,
    ).bounded()


#: The longest single sleep while a usage limit lasts, in seconds.
_MAX_SLEEP_S = 60

#: The longest wait between two tries, in seconds.
_MAX_BACKOFF_S = 300

Brief = Callable[["WorkerSession", str, WorkerSettings], Assignment]


class WorkerSession:
    """One assignment in progress: which workers have tried, and what they used."""

    def __init__(self, context: RunContext, state: RunState, brief: Brief) -> None:
        self.context = context
        self.state = state
        inputs.ensure_unchanged(context.files, state.spec)
        self.config = Config.model_validate_json(nofollow.read(context.files.config))
        self.history = load_history(journal.events(context.files), state.start.worker)
        self.sessions = dict(self.history.sessions)
        self._waited_s = self.history.waited_s
        self.started = False
        self.interrupted = False
        self.usage = Usage()
        self._used: dict[str, Usage] = {}
        self.session_usage: Usage | None = None
        self._brief = brief
        self._denied: tuple[str, ...] = ()

    @property
    def denied(self) -> tuple[str, ...]:
        """The denied tool uses; those of the attempt before where no worker started."""
        return self._denied if self.started else self.state.denied

    async def run_with_fallbacks(self, names: Sequence[str]) -> tuple[str, WorkReport]:
        """Let one worker after the other try, until one could start; return its name too.

        A ref that one of them has moved is put back where that is safe, and stops the run.
        """
        compare = ref_guard.guarded(self.context, self.state)
        began = time.time()
        watched, tree = InputsGuard(self.context, self.state), TreeGuard(self.context, self.state)
        try:
            name, report = await self._first_of(names)
        finally:
            moved, changed = compare(), self._compare_inputs(watched)
            if (found := tree.finish()) is not None:
                self.context.journal.append(found)
        object_check.refuse_wrong(self.context.root, began)
        stop = "ref_moved" if moved else "inputs_changed" if changed else report.stop
        return name, replace(report, stop=stop, summary=moved or changed or report.summary)

    def _compare_inputs(self, watched: InputsGuard) -> str:
        """Record what has changed of what the run is held to; return what the worker did."""
        found = watched.finish()
        if found is None:
            return ""
        self.context.journal.append(found)
        return f"{found.detail}, put back" if found.put_back else ""

    async def _first_of(self, names: Sequence[str]) -> tuple[str, WorkReport]:
        name, *fallbacks = names
        report = await self._run(name)
        while fallbacks and report.stop in self._fallback_stops:
            why = (report.summary.splitlines() or [report.stop])[0]
            reason = f"{name}: {why}; {fallbacks[0]} takes over"
            resets = format_utc(report.resets_at) if report.resets_at else None
            self.context.journal.append(
                WorkerFallback(
                    name,
                    fallbacks[0],
                    reason,
                    report.stop or "",
                    resets,
                    usage=self._used.get(name, Usage()),
                )
            )
            name = fallbacks.pop(0)
            report = await self._run(name)
        return name, report

    @property
    def _fallback_stops(self) -> tuple[str, ...]:
        """The stops after which a fallback is tried."""
        limits = ("usage_limit",) if self.config.run.on_usage_limit == "fallback" else ()
        return ("worker_unavailable", "worker_auth", *limits)

    def remaining_s(self) -> float:
        """Return how many seconds the run has left in all."""
        return self.config.run.total_timeout - self._spent().seconds

    def cap_budget(self, settings: WorkerSettings) -> WorkerSettings:
        """Return the worker's settings with a budget within what the run has left."""
        return spec.remaining_budget(settings, self.config.run, self._spent())

    async def _run(self, name: str) -> WorkReport:
        """Let one worker try, and again after each outage while there is time to wait."""
        backoff, left = self.config.run.backoff_initial, float(self.config.run.backoff_max_wait)
        while True:
            report = await self._run_once(name)
            if report.stop == "usage_limit":
                report = self._with_reset(report)
                if not await self._wait_for_reset(report, backoff):
                    return report
                backoff, self.interrupted = min(2 * backoff, _MAX_BACKOFF_S), True
                continue
            if report.stop != "worker_outage":
                return report
            asked = report.retry_after_s or 0.0
            wait = min(max(backoff, asked), left)
            if wait <= 0 or wait < asked:
                # To ask earlier than the service wants would be to no avail.
                return self._asked_to_wait(report)
            await self._back_off(wait, report)
            backoff, left = min(2 * backoff, _MAX_BACKOFF_S), left - wait
            self.interrupted = True

    async def _run_once(self, name: str) -> WorkReport:
        reached = self._limit_reached()
        if reached:
            return WorkReport(stop=reached[0], summary=reached[1])
        try:
            worker, settings = registry.find(name, self.config)
            worker.preflight(settings, self.context.child_environment(self.state))
            report = await worker.work(self._brief(self, name, settings))
        except WorkerUnavailableError as refusal:
            return WorkReport(stop="worker_unavailable", summary=refusal.message)
        self._count(name, report)
        reached = self._limit_reached() if report.stop in ("time_limit", "cost_limit") else None
        if reached and reached[0] == report.stop:
            return replace(report, summary=f"{reached[1]}\n{report.summary}".strip())
        return report

    async def _back_off(self, seconds: float, report: WorkReport) -> None:
        seconds = max(0, min(seconds, self.remaining_s()))
        why = (report.summary.splitlines() or ["no answer"])[0]
        reason = f"{why}; trying again in {format_duration(seconds)}"
        self.context.journal.append(WorkerBackoff(reason, seconds))
        await anyio.sleep(seconds)

    def _with_reset(self, report: WorkReport) -> WorkReport:
        """Name the time of the reset, where the client says it in any way."""
        resets_at = report.resets_at or reset_time(report.summary, self.context.clock())
        if resets_at is None:
            return report
        when = f"the limit resets at {resets_at:%Y-%m-%d %H:%M} UTC"
        return replace(report, resets_at=resets_at, summary=f"{report.summary}\n{when}".strip())

    def _asked_to_wait(self, report: WorkReport) -> WorkReport:
        """Name the time at which the service wants to be asked again, where it says so."""
        if report.retry_after_s is None:
            return report
        then = self.context.clock() + timedelta(seconds=report.retry_after_s)
        when = f"the service may be asked again at {then:%Y-%m-%d %H:%M} UTC"
        return replace(report, resets_at=then, summary=f"{report.summary}\n{when}".strip())

    async def _wait_for_reset(self, report: WorkReport, at_least_s: float) -> bool:
        """Wait until the limit resets; return at once and False where the settings forbid it."""
        run, now = self.config.run, self.context.clock()
        known = (report.resets_at - now).total_seconds() if report.resets_at else 0.0
        wait_s = max(at_least_s, known)
        if run.on_usage_limit != "wait" or self._waited_s + wait_s > run.usage_limit_max_wait:
            return False
        until = now + timedelta(seconds=wait_s)
        why = (report.summary.splitlines() or ["usage limit"])[0]
        reason = f"{why}; continuing in {format_duration(wait_s)}"
        self.context.journal.append(UsageLimitWait(reason, format_utc(until)))
        self._waited_s += wait_s
        # In short steps, as a machine that sleeps stops the clock of a single one.
        while (left_s := (until - self.context.clock()).total_seconds()) > 0:  # noqa: ASYNC110 - a time, not an event
            await anyio.sleep(min(left_s, _MAX_SLEEP_S))
        return True

    def _count(self, name: str, report: WorkReport) -> None:
        self.started = True
        used = usage_of(report)
        self.usage = self.usage.plus(used)
        self._used[name] = self._used.get(name, Usage()).plus(used)
        self._denied = (*self._denied, *report.denied)
        self.session_usage = None
        if report.session_id:
            known = self.sessions.get(name)
            before = known.usage if known and known.id == report.session_id else Usage()
            self.session_usage = before.plus(usage_of(report))
            self.sessions[name] = Session(id=report.session_id, usage=self.session_usage)

    def _limit_reached(self) -> tuple[str, str] | None:
        return spec.limit_reached(self.config.run, self._spent(), self.state.start.job)

    def _spent(self) -> Spent:
        total = self.state.usage.plus(self.usage)
        since = self.context.clock() - self.history.since
        return Spent(
            seconds=since.total_seconds() - self._waited_s,
            cost_usd=total.cost_usd or 0.0,
            tokens=total.input_tokens + total.output_tokens,
        )
