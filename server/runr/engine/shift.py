"""One piece of work by a worker: within the run's limits, outages waited out, or by a fallback."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import anyio

from runr.core import limits
from runr.core.config import Config, WorkerSettings
from runr.core.duration import spoken
from runr.core.limits import Used
from runr.core.runstate import RunState
from runr.engine import past
from runr.engine.context import RunContext
from runr.engine.past import Past, Session, Use
from runr.errors import WorkerUnavailableError
from runr.store import runlog
from runr.workers import catalog
from runr.workers.assignment import Assignment, WorkReport

#: What the next worker may do better.
_REPLACEABLE = ("worker_unavailable", "worker_auth")

# No wait for a service is longer than this, in seconds.
_LONGEST_PAUSE = 300

Brief = Callable[["Shift", str, WorkerSettings], Assignment]


class Shift:
    """The work as it goes on: who has worked at it, and what was used."""

    def __init__(self, context: RunContext, state: RunState, brief: Brief) -> None:
        self.context = context
        self.state = state
        self.config = Config.model_validate_json(context.files.config.read_bytes())
        self.past: Past = past.look(runlog.events(context.files), state.start.worker)
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
            told = {"worker": name, "by": others[0], "reason": reason}
            self.context.log.append("worker.replaced", told)
            name = others.pop(0)
            report = await self._by(name)
        return name, report

    def left_s(self) -> float:
        """Return how many seconds the run has left in all."""
        return self.config.run.total_timeout - self._used().seconds

    def affordable(self, settings: WorkerSettings) -> WorkerSettings:
        """Return the worker's settings with no more to spend than the run has left."""
        return limits.within_budget(settings, self.config.run, self._used())

    async def _by(self, name: str) -> WorkReport:
        """Let one worker try, and again after each outage while there is patience left."""
        pause, patience = self.config.run.outage_pause, self.config.run.outage_wait
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
            worker, settings = catalog.find(name, self.config)
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
        reason = f"{why}; trying again in {spoken(seconds)}"
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
        return limits.reached(self.config.run, self._used())

    def _used(self) -> Used:
        state, use = self.state, self._use
        return Used(
            seconds=(self.context.clock() - self.past.began).total_seconds(),
            cost_usd=(state.cost_usd or 0.0) + (use.cost_usd or 0.0),
            tokens=state.input_tokens + state.output_tokens + use.input_tokens + use.output_tokens,
        )
