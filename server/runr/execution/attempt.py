"""One attempt at a task's work: by the first worker that can, in its session where there is one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runr import nofollow
from runr.config.settings import WorkerSettings
from runr.errors import RunrError
from runr.execution.context import PhaseOutcome, RunContext
from runr.execution.worker_session import WorkerSession
from runr.runs import prompts
from runr.runs.model import RunState
from runr.storage import files
from runr.tasks import repository
from runr.workers.protocol import Assignment, FollowUp


@dataclass(frozen=True, slots=True)
class Briefing:
    """A prompt, and the part of the run under which it is kept."""

    prompt: str
    part: int | str
    phase: Literal["plan", "work", "review"] = "work"
    follow_up: FollowUp | None = None


def assignment(
    worker_session: WorkerSession, text: str, message: Briefing, settings: WorkerSettings
) -> Assignment:
    """Return the worker's assignment; its prompt is on disk before."""
    context, state = worker_session.context, worker_session.state
    prompt_file = context.files.prompt(message.part)
    said = message.follow_up.prompt if message.follow_up else message.prompt
    files.replace(prompt_file, context.log.redact(said).encode("utf-8", "replace"))
    return Assignment(
        run_id=state.id,
        task_path=state.start.task,
        task_text=text,
        attempt=state.attempt,
        prompt=message.prompt,
        prompt_file=prompt_file,
        task_file=context.files.task,
        workdir=Path(state.start.workdir),
        transcript=context.files.transcript(message.part),
        environment=context.child_environment(state),
        timeout_s=min(state.start.timeout_s, worker_session.left_s()),
        stall_s=worker_session.config.run.stall_timeout,
        settings=worker_session.affordable(settings),
        follow_up=message.follow_up,
        phase=message.phase,
    )


def task_text(context: RunContext, state: RunState) -> str:
    """Return the task's text; the run's copy is redacted, so the file itself where it is it."""
    kept = repository.text_of(nofollow.read(context.files.task))
    try:
        own = repository.text_of(repository.read_content(context.layout, state.start.task))
    except RunrError:
        return kept
    return own if context.log.redact(own) == context.log.redact(kept) else kept


async def work(context: RunContext, state: RunState) -> PhaseOutcome:
    """Let the worker, or the first of its fallbacks that can, make one attempt."""
    worker_session = WorkerSession(context, state, _assignment)
    name, report = await worker_session.by_someone(_names(worker_session))
    facts = worker_session.facts() | {
        "worker": name,
        "session_id": report.session_id,
        "summary": report.summary if worker_session.begun else state.words,
        "exit_code": report.exit_code,
    }
    workdir = Path(state.start.workdir)
    if worker_session.begun and not (workdir / ".git").exists():
        gone = f"the worker removed its folder, or the .git in it: {workdir}"
        return PhaseOutcome("worker_failed", facts | {"detail": gone})
    if report.stop is None:
        return PhaseOutcome("ok", facts)
    return PhaseOutcome(report.stop, facts | {"detail": report.summary})


def _names(worker_session: WorkerSession) -> list[str]:
    names = [worker_session.state.start.worker, *worker_session.config.run.fallback]
    known = worker_session.past.worker
    return names[names.index(known) :] if known in names else names


def _assignment(worker_session: WorkerSession, name: str, settings: WorkerSettings) -> Assignment:
    state = worker_session.state
    text = task_text(worker_session.context, state)
    whole = prompts.work_prompt(state.start, text, state)
    follow_up = _follow_up(worker_session, name, whole) if settings.resume else None
    message = Briefing(whole, part=state.attempt, follow_up=follow_up)
    return assignment(worker_session, text, message, settings)


def _follow_up(worker_session: WorkerSession, name: str, whole: str) -> FollowUp | None:
    session, state = worker_session.sessions.get(name), worker_session.state
    if session is None:
        return None
    if worker_session.broken_off:
        return session.follow_up(prompts.continue_prompt(state.start))
    if state.attempt == state.first_attempt and not state.checkpoints:
        # The run was taken up again: its task and its terms may be others today.
        return session.follow_up(whole)
    return session.follow_up(prompts.follow_up_prompt(state.start, state))
