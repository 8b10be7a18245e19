"""One attempt at a task's work: by the first worker that can, within the run's limits."""

from dataclasses import asdict, replace
from pathlib import Path

import anyio

from runr.core import limits, prompt
from runr.core.config import Config, WorkerSettings
from runr.core.duration import spoken
from runr.core.limits import Used
from runr.core.runstate import RunState
from runr.engine import past
from runr.engine.context import RunContext
from runr.engine.outcome import Outcome
from runr.engine.past import Session, Use
from runr.errors import RunrError, WorkerUnavailableError
from runr.store import files, runlog, taskfiles
from runr.workers import catalog
from runr.workers.assignment import Assignment, FollowUp, WorkReport

#: What the next worker may do better.
_REPLACEABLE = ("worker_unavailable", "worker_auth")

# No wait for a service is longer than this, in seconds.
_LONGEST_PAUSE = 300


async def work(context: RunContext, state: RunState) -> Outcome:
    """Let the worker, or the first of its fallbacks that can, make one attempt."""
    attempt = _Attempt(context, state)
    name, report = await attempt.by_someone()
    facts = attempt.facts() | {
        "worker": name,
        "session_id": report.session_id,
        "summary": report.summary if attempt.begun else state.words,
        "exit_code": report.exit_code,
    }
    workdir = Path(state.start.workdir)
    if attempt.begun and not (workdir / ".git").exists():
        gone = f"the worker removed its folder, or the .git in it: {workdir}"
        return Outcome("worker_failed", facts | {"detail": gone})
    if report.stop is None:
        return Outcome("ok", facts)
    return Outcome(report.stop, facts | {"detail": report.summary})


class _Attempt:
    """An attempt as it goes on: who has worked at it, and what was used."""

    def __init__(self, context: RunContext, state: RunState) -> None:
        self.begun = False
        self._context = context
        self._state = state
        self._config = Config.model_validate_json(context.files.config.read_bytes())
        self._past = past.look(runlog.events(context.files), state.start.worker)
        self._sessions = dict(self._past.sessions)
        self._last: Session | None = None
        self._broken_off = False
        self._use = Use()
        self._denied: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """Return what was used, as it is recorded."""
        denied = list(self._denied if self.begun else self._state.denied)
        session = asdict(self._last.use) if self._last else None
        return asdict(self._use) | {"denied": denied, "session_use": session}

    async def by_someone(self) -> tuple[str, WorkReport]:
        """Let one worker after the other try, until one could begin."""
        name, *others = self._names()
        report = await self._by(name)
        while others and report.stop in _REPLACEABLE:
            why = (report.summary.splitlines() or [report.stop])[0]
            reason = f"{name}: {why}; {others[0]} takes over"
            told = {"worker": name, "by": others[0], "reason": reason}
            self._context.log.append("worker.replaced", told)
            name = others.pop(0)
            report = await self._by(name)
        return name, report

    def _names(self) -> list[str]:
        names = [self._state.start.worker, *self._config.run.fallback]
        known = self._past.worker
        return names[names.index(known) :] if known in names else names

    async def _by(self, name: str) -> WorkReport:
        """Let one worker try, and again after each outage while there is patience left."""
        pause, patience = self._config.run.outage_pause, self._config.run.outage_wait
        while True:
            report = await self._once(name)
            wait = min(pause, patience)
            if report.stop != "worker_outage" or wait <= 0:
                return report
            await self._wait(wait, report)
            pause, patience = min(2 * pause, _LONGEST_PAUSE), patience - wait
            self._broken_off = True

    async def _once(self, name: str) -> WorkReport:
        reached = self._reached()
        if reached:
            return WorkReport(stop=reached[0], summary=reached[1])
        try:
            worker, settings = catalog.find(name, self._config)
            worker.preflight(settings, self._context.child_environment(self._state))
            assignment = self._assignment(name, settings)
            report = await worker.work(assignment)
        except WorkerUnavailableError as refusal:
            return WorkReport(stop="worker_unavailable", summary=refusal.message)
        self._count(name, report)
        reached = self._reached() if report.stop in ("time_limit", "budget") else None
        if reached and reached[0] == report.stop:
            return replace(report, summary=f"{reached[1]}\n{report.summary}".strip())
        return report

    async def _wait(self, seconds: float, report: WorkReport) -> None:
        seconds = max(0, min(seconds, self._left_s()))
        why = (report.summary.splitlines() or ["no answer"])[0]
        reason = f"{why}; trying again in {spoken(seconds)}"
        self._context.log.append("worker.waiting", {"reason": reason, "seconds": seconds})
        await anyio.sleep(seconds)

    def _count(self, name: str, report: WorkReport) -> None:
        self.begun = True
        self._use = self._use.with_report(report)
        self._denied = (*self._denied, *report.denied)
        self._last = None
        if report.session_id:
            known = self._sessions.get(name)
            before = known.use if known and known.id == report.session_id else Use()
            self._last = Session(id=report.session_id, use=before.with_report(report))
            self._sessions[name] = self._last

    def _reached(self) -> tuple[str, str] | None:
        return limits.reached(self._config.run, self._used())

    def _left_s(self) -> float:
        return self._config.run.total_timeout - self._used().seconds

    def _used(self) -> Used:
        state, use = self._state, self._use
        return Used(
            seconds=(self._context.clock() - self._past.began).total_seconds(),
            cost_usd=(state.cost_usd or 0.0) + (use.cost_usd or 0.0),
            tokens=state.input_tokens + state.output_tokens + use.input_tokens + use.output_tokens,
        )

    def _assignment(self, name: str, settings: WorkerSettings) -> Assignment:
        context, state = self._context, self._state
        text = self._task_text()
        whole = prompt.compose(state.start, text, state if state.attempt > 1 else None)
        follow_up = self._follow_up(name, whole) if settings.resume else None
        prompt_file = context.files.prompt(state.attempt)
        told = follow_up.prompt if follow_up else whole
        files.replace(prompt_file, context.log.redact(told).encode("utf-8", "replace"))
        return Assignment(
            run_id=state.id,
            task_path=state.start.task,
            task_text=text,
            attempt=state.attempt,
            prompt=whole,
            prompt_file=prompt_file,
            task_file=context.files.task,
            workdir=Path(state.start.workdir),
            transcript=context.files.transcript(state.attempt),
            environment=context.child_environment(state),
            timeout_s=min(state.start.timeout_s, self._left_s()),
            stall_s=self._config.run.stall_timeout,
            settings=limits.within_budget(settings, self._config.run, self._used()),
            follow_up=follow_up,
        )

    def _follow_up(self, name: str, whole: str) -> FollowUp | None:
        session, state = self._sessions.get(name), self._state
        if session is None:
            return None
        if self._broken_off:
            return session.follow_up(prompt.go_on(state.start))
        if state.attempt == state.first_attempt:
            # The run was taken up again: its task and its terms may be others today.
            return session.follow_up(whole)
        return session.follow_up(prompt.follow_up(state.start, state))

    def _task_text(self) -> str:
        """Return the task's text; the run's copy is redacted, so the file itself where it is it."""
        context = self._context
        kept = taskfiles.text_of(context.files.task.read_bytes())
        try:
            own = taskfiles.text_of(taskfiles.read_content(context.layout, self._state.start.task))
        except RunrError:
            return kept
        return own if context.log.redact(own) == context.log.redact(kept) else kept
