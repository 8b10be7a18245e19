"""One piece of work by a worker: within the run's limits, outages waited out, or by a fallback."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Self

import anyio

from runr import nofollow
from runr.config.settings import Config, WorkerSettings
from runr.errors import WorkerUnavailableError
from runr.execution.context import RunContext
from runr.runs import journal, terms
from runr.runs.model import Event, Phase, RunState
from runr.runs.terms import Usage
from runr.text import format_duration
from runr.workers import registry
from runr.workers.protocol import Assignment, FollowUp, WorkReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What was used; the cost is None where no worker could tell."""

    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    turns: int = 0

    def with_report(self, report: WorkReport) -> Self:
        """Return the sum with what a report says."""
        known = [cost for cost in (self.cost_usd, report.cost_usd) if cost is not None]
        return type(self)(
            cost_usd=sum(known) if known else None,
            input_tokens=self.input_tokens + report.input_tokens,
            output_tokens=self.output_tokens + report.output_tokens,
            turns=self.turns + report.turns,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A worker's session, and what of it has been counted."""

    id: str
    use: Use = Use()

    def follow_up(self, prompt: str) -> FollowUp:
        """Return how a worker goes on in it."""
        return FollowUp(
            session_id=self.id,
            prompt=prompt,
            cost_usd=self.use.cost_usd or 0.0,
            input_tokens=self.use.input_tokens,
            output_tokens=self.use.output_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHistory:
    """A run so far; `began` is when it was opened, or taken up for the last time.

    `worker` is the fallback that has taken over since, `sessions` are the last
    ones of each worker.
    """

    began: datetime
    worker: str | None
    sessions: Mapping[str, Session]


def load_history(events: Sequence[Event], asked: str) -> RunHistory:
    """Return a run's past; `asked` is the worker that it was opened with."""
    began, worker = events[0].time, None
    sessions: dict[str, Session] = {}
    for event in events:
        facts = event.payload
        if event.type == "run.resumed":
            began, worker = event.time, None
        elif event.type == "worker.replaced":
            worker = facts["by"]
        elif event.type == "phase.finished" and facts["phase"] == Phase.WORK:
            session = _session(facts)
            if session:
                sessions[facts.get("worker") or asked] = session
    return RunHistory(began=datetime.fromisoformat(began), worker=worker, sessions=sessions)


def _session(facts: Mapping[str, Any]) -> Session | None:
    found = facts.get("session_id")
    known = facts.get("session_use")
    return Session(id=found, use=Use(**known)) if found and known is not None else None


#: What the next worker may do better.
_REPLACEABLE = ("worker_unavailable", "worker_auth")

# No wait for a service is longer than this, in seconds.
_LONGEST_PAUSE = 300

Brief = Callable[["WorkerSession", str, WorkerSettings], Assignment]


class WorkerSession:
    """The work as it goes on: who has worked at it, and what was used."""

    def __init__(self, context: RunContext, state: RunState, brief: Brief) -> None:
        self.context = context
        self.state = state
        self.config = Config.model_validate_json(nofollow.read(context.files.config))
        self.past: RunHistory = load_history(journal.events(context.files), state.start.worker)
        self.sessions = dict(self.past.sessions)
        self.begun = False
        self.broken_off = False
        self._brief = brief
        self._last: Session | None = None
        self._use = Use()
        self._denied: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """Return what was used, as it is recorded."""
        denied = list(self._denied if self.begun else self.state.denied)
        session = asdict(self._last.use) if self._last else None
        return asdict(self._use) | {"denied": denied, "session_use": session}

    async def by_someone(self, names: Sequence[str]) -> tuple[str, WorkReport]:
        """Let one worker after the other try, until one could begin."""
        name, *others = names
        report = await self._by(name)
        while others and report.stop in _REPLACEABLE:
            why = (report.summary.splitlines() or [report.stop])[0]
            reason = f"{name}: {why}; {others[0]} takes over"
            message = {"worker": name, "by": others[0], "reason": reason}
            self.context.log.append("worker.replaced", message)
            name = others.pop(0)
            report = await self._by(name)
        return name, report

    def left_s(self) -> float:
        """Return how many seconds the run has left in all."""
        return self.config.run.total_timeout - self._used().seconds

    def affordable(self, settings: WorkerSettings) -> WorkerSettings:
        """Return the worker's settings with no more to spend than the run has left."""
        return terms.remaining_budget(settings, self.config.run, self._used())

    async def _by(self, name: str) -> WorkReport:
        """Let one worker try, and again after each outage while there is patience left."""
        pause, patience = self.config.run.backoff_initial, self.config.run.backoff_max_wait
        while True:
            report = await self._once(name)
            wait = min(pause, patience)
            if report.stop != "worker_outage" or wait <= 0:
                return report
            await self._wait(wait, report)
            pause, patience = min(2 * pause, _LONGEST_PAUSE), patience - wait
            self.broken_off = True

    async def _once(self, name: str) -> WorkReport:
        reached = self._reached()
        if reached:
            return WorkReport(stop=reached[0], summary=reached[1])
        try:
            worker, settings = registry.find(name, self.config)
            worker.preflight(settings, self.context.child_environment(self.state))
            report = await worker.work(self._brief(self, name, settings))
        except WorkerUnavailableError as refusal:
            return WorkReport(stop="worker_unavailable", summary=refusal.message)
        self._count(name, report)
        reached = self._reached() if report.stop in ("time_limit", "budget") else None
        if reached and reached[0] == report.stop:
            return replace(report, summary=f"{reached[1]}\n{report.summary}".strip())
        return report

    async def _wait(self, seconds: float, report: WorkReport) -> None:
        seconds = max(0, min(seconds, self.left_s()))
        why = (report.summary.splitlines() or ["no answer"])[0]
        reason = f"{why}; trying again in {format_duration(seconds)}"
        self.context.log.append("worker.waiting", {"reason": reason, "seconds": seconds})
        await anyio.sleep(seconds)

    def _count(self, name: str, report: WorkReport) -> None:
        self.begun = True
        self._use = self._use.with_report(report)
        self._denied = (*self._denied, *report.denied)
        self._last = None
        if report.session_id:
            known = self.sessions.get(name)
            before = known.use if known and known.id == report.session_id else Use()
            self._last = Session(id=report.session_id, use=before.with_report(report))
            self.sessions[name] = self._last

    def _reached(self) -> tuple[str, str] | None:
        return terms.limit_reached(self.config.run, self._used())

    def _used(self) -> Usage:
        state, use = self.state, self._use
        return Usage(
            seconds=(self.context.clock() - self.past.began).total_seconds(),
            cost_usd=(state.cost_usd or 0.0) + (use.cost_usd or 0.0),
            tokens=state.input_tokens + state.output_tokens + use.input_tokens + use.output_tokens,
        )
