"""The WORK phase: one attempt by the first worker that can start, in its session if it has one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runr import nofollow
from runr.clock import format_utc
from runr.config.settings import WorkerSettings
from runr.errors import RunrError
from runr.execution import sandbox
from runr.execution.context import RunContext
from runr.execution.worker_session import WorkerSession
from runr.runs import prompts
from runr.runs.events import WorkFinished
from runr.runs.model import RunState
from runr.storage import files
from runr.tasks import repository
from runr.workers.protocol import Assignment, FollowUp


@dataclass(frozen=True, slots=True)
class Briefing:
    """A prompt, and the part of the run under whose name it is stored."""

    prompt: str
    part: int | str
    phase: Literal["plan", "work", "review"] = "work"
    follow_up: FollowUp | None = None


def assignment(
    work: WorkerSession, text: str, briefing: Briefing, settings: WorkerSettings
) -> Assignment:
    """Return the worker's assignment, after its prompt is written to disk."""
    context, state = work.context, work.state
    prompt_file = context.files.prompt(briefing.part)
    prompt = briefing.follow_up.prompt if briefing.follow_up else briefing.prompt
    files.replace(prompt_file, context.journal.redact(prompt).encode("utf-8", "replace"))
    return Assignment(
        run_id=state.id,
        task_path=state.start.task,
        task_text=text,
        attempt=state.attempt,
        prompt=briefing.prompt,
        prompt_file=prompt_file,
        task_file=context.files.task,
        workdir=Path(state.start.workdir),
        transcript=context.files.transcript(briefing.part),
        environment=context.child_environment(state),
        timeout_s=min(state.spec.timeout_s, work.remaining_s()),
        stall_s=work.config.run.stall_timeout,
        settings=work.cap_budget(settings),
        follow_up=briefing.follow_up,
        launcher=sandbox.launcher(context, state, settings, prompt_file),
        phase=briefing.phase,
    )


def task_text(context: RunContext, state: RunState) -> str:
    """Return the task's text: the file's where it has not changed, because the copy is redacted."""
    copy = repository.text_of(nofollow.read(context.files.task))
    try:
        own = repository.text_of(repository.read_content(context.layout, state.start.task))
    except RunrError:
        return copy
    redact = context.journal.redact
    return own if redact(own) == redact(copy) else copy


async def work(context: RunContext, state: RunState) -> WorkFinished:
    """Let the worker, or the first of its fallbacks that can start, make one attempt."""
    worker_session = WorkerSession(context, state, _assignment)
    name, report = await worker_session.run_with_fallbacks(_names(worker_session))
    finished = WorkFinished(
        "ok",
        worker=name,
        session_id=report.session_id,
        session_usage=worker_session.session_usage,
        exit_code=report.exit_code,
        summary=report.summary if worker_session.started else state.last_message,
        usage=worker_session.usage,
        denied=worker_session.denied,
        resets_at=format_utc(report.resets_at) if report.resets_at else None,
    )
    workdir = Path(state.start.workdir)
    if worker_session.started and not (workdir / ".git").exists():
        gone = f"the worker removed its folder, or the .git in it: {workdir}"
        return finished._replace(outcome="worker_failed", detail=gone)
    if report.stop is None:
        return finished
    return finished._replace(outcome=report.stop, detail=report.summary)


def _names(session: WorkerSession) -> list[str]:
    names = [session.state.start.worker, *session.config.run.fallback]
    fallback = session.history.worker
    return names[names.index(fallback) :] if fallback in names else names


def _assignment(session: WorkerSession, name: str, settings: WorkerSettings) -> Assignment:
    state = session.state
    text = task_text(session.context, state)
    prompt = prompts.work_prompt(state, text)
    follow_up = _follow_up(session, name, prompt) if settings.resume else None
    briefing = Briefing(prompt, part=state.attempt, follow_up=follow_up)
    return assignment(session, text, briefing, settings)


def _follow_up(session: WorkerSession, name: str, prompt: str) -> FollowUp | None:
    known, state = session.sessions.get(name), session.state
    if known is None:
        return None
    if session.interrupted:
        return known.follow_up(prompts.continue_prompt(state))
    if state.attempt == state.attempts_from and not state.checkpoints:
        # The run was resumed: its task and its specification may have changed.
        return known.follow_up(prompt)
    return known.follow_up(prompts.follow_up_prompt(state))
