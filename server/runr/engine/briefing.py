"""What a worker is handed: the task's text, what it is told, and where its record goes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runr.core.config import WorkerSettings
from runr.core.runstate import RunState
from runr.engine.context import RunContext
from runr.engine.shift import Shift
from runr.errors import RunrError
from runr.store import files, taskfiles
from runr.workers.assignment import Assignment, FollowUp


@dataclass(frozen=True, slots=True)
class Told:
    """A prompt, and the part of the run under which it is kept."""

    prompt: str
    part: int | str
    phase: Literal["plan", "work", "review"] = "work"
    follow_up: FollowUp | None = None


def assignment(shift: Shift, text: str, told: Told, settings: WorkerSettings) -> Assignment:
    """Return the worker's assignment; its prompt is on disk before."""
    context, state = shift.context, shift.state
    prompt_file = context.files.prompt(told.part)
    said = told.follow_up.prompt if told.follow_up else told.prompt
    files.replace(prompt_file, context.log.redact(said).encode("utf-8", "replace"))
    return Assignment(
        run_id=state.id,
        task_path=state.start.task,
        task_text=text,
        attempt=state.attempt,
        prompt=told.prompt,
        prompt_file=prompt_file,
        task_file=context.files.task,
        workdir=Path(state.start.workdir),
        transcript=context.files.transcript(told.part),
        environment=context.child_environment(state),
        timeout_s=min(state.start.timeout_s, shift.left_s()),
        stall_s=shift.config.run.stall_timeout,
        settings=shift.affordable(settings),
        follow_up=told.follow_up,
        phase=told.phase,
    )


def task_text(context: RunContext, state: RunState) -> str:
    """Return the task's text; the run's copy is redacted, so the file itself where it is it."""
    kept = taskfiles.text_of(context.files.task.read_bytes())
    try:
        own = taskfiles.text_of(taskfiles.read_content(context.layout, state.start.task))
    except RunrError:
        return kept
    return own if context.log.redact(own) == context.log.redact(kept) else kept
