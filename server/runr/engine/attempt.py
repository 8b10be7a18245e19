"""One attempt at a task's work: by the first worker that can, in its session where there is one."""

from pathlib import Path

from runr.core import prompt
from runr.core.config import WorkerSettings
from runr.core.runstate import RunState
from runr.engine import briefing
from runr.engine.context import RunContext
from runr.engine.outcome import Outcome
from runr.engine.shift import Shift
from runr.workers.assignment import Assignment, FollowUp


async def work(context: RunContext, state: RunState) -> Outcome:
    """Let the worker, or the first of its fallbacks that can, make one attempt."""
    shift = Shift(context, state, _assignment)
    name, report = await shift.by_someone(_names(shift))
    facts = shift.facts() | {
        "worker": name,
        "session_id": report.session_id,
        "summary": report.summary if shift.begun else state.words,
        "exit_code": report.exit_code,
    }
    workdir = Path(state.start.workdir)
    if shift.begun and not (workdir / ".git").exists():
        gone = f"the worker removed its folder, or the .git in it: {workdir}"
        return Outcome("worker_failed", facts | {"detail": gone})
    if report.stop is None:
        return Outcome("ok", facts)
    return Outcome(report.stop, facts | {"detail": report.summary})


def _names(shift: Shift) -> list[str]:
    names = [shift.state.start.worker, *shift.config.run.fallback]
    known = shift.past.worker
    return names[names.index(known) :] if known in names else names


def _assignment(shift: Shift, name: str, settings: WorkerSettings) -> Assignment:
    state = shift.state
    text = briefing.task_text(shift.context, state)
    whole = prompt.compose(state.start, text, state)
    follow_up = _follow_up(shift, name, whole) if settings.resume else None
    told = briefing.Told(whole, part=state.attempt, follow_up=follow_up)
    return briefing.assignment(shift, text, told, settings)


def _follow_up(shift: Shift, name: str, whole: str) -> FollowUp | None:
    session, state = shift.sessions.get(name), shift.state
    if session is None:
        return None
    if shift.broken_off:
        return session.follow_up(prompt.go_on(state.start))
    if state.attempt == state.first_attempt and not state.checkpoints:
        # The run was taken up again: its task and its terms may be others today.
        return session.follow_up(whole)
    return session.follow_up(prompt.follow_up(state.start, state))
