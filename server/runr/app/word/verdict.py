"""A person's word on work that waits for it: taken, or sent back with what is wrong."""

from pydantic import BaseModel, ConfigDict

from runr.app import complete
from runr.app.answers import CompleteAnswer, RunAnswer
from runr.app.complete import CompleteRequest
from runr.app.holding.claim import alone, refuse_if_alive
from runr.app.project import Project
from runr.app.tasks import view
from runr.app.word import testimony
from runr.core import stops
from runr.core.runstate import Approval, RunState
from runr.core.stops import quoted
from runr.engine import record
from runr.errors import UnknownNameError, UsageError
from runr.store import runlog


class Verdict(BaseModel):
    """Who says what about a task's result, or a run's; `by` is git's user unless named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    reason: str
    by: str | None = None


def approve(project: Project, verdict: Verdict) -> CompleteAnswer:
    """Let the run go on that waits for a person: its work is brought in and counts as attested."""
    state = _awaiting(project, verdict.about)
    word = _word(project, verdict)
    wish = CompleteRequest(task=state.start.task, reason=word.reason, by=word.by)
    return complete.complete_task(project, wish)


def reject(project: Project, verdict: Verdict) -> RunAnswer:
    """Send the run's work back: the word is recorded, and the next attempt is told the reason."""
    state = _awaiting(project, verdict.about)
    word = _word(project, verdict)
    run = project.layout.run(state.id)
    with alone(run):
        context = project.context(run)
        state = context.log.append("run.rejected", word.model_dump(), source="person")
        record.status(context, state)
        record.story(context, state)
    shown = view.run(state, run, now=project.now())
    return RunAnswer(run=shown, next=f"Its work is kept. Do it again: runr resume {state.id}")


def _awaiting(project: Project, about: str) -> RunState:
    """Return the run meant by a task or a run; UsageError where nothing waits for a person."""
    outer = project.environment.get("RUNR_RUN_ID")
    if outer:
        raise UsageError(f"this is inside run {outer}: a worker does not judge its own work")
    tasks, entries = project.tasks(), project.entries()
    try:
        path = project.find_task(about, tasks).path
    except UnknownNameError as unknown:
        path = _task_of(project, about, unknown)
    entry = entries.get(path)
    name = quoted(path.removeprefix(".runr/tasks/"))
    look = f"runr task-status {name}"
    if entry is None or entry.last_run_id is None:
        raise UsageError(f"{path} has no run, so there is no work to judge", next_steps=[look])
    state = runlog.require(project.layout.run(entry.last_run_id))
    if state.ended is None:
        refuse_if_alive(project, entry)
    if state.ended != "stopped" or state.stop not in stops.FOR_A_PERSON:
        how = state.stop or state.ended or "running"
        raise UsageError(
            f"run {state.id} of {path} does not wait for a person ({how})", next_steps=[look]
        )
    return state


def _task_of(project: Project, about: str, unknown: UnknownNameError) -> str:
    try:
        run = runlog.find(project.layout, about)
    except UnknownNameError as neither:
        # A run's id is digits; whoever typed a name meant a task.
        raise (neither if about[:1].isdigit() and "-" in about else unknown) from None
    state = runlog.require(run)
    entry = project.entries().get(state.start.task)
    if entry is None or entry.last_run_id != state.id:
        newer = entry.last_run_id if entry else None
        raise UsageError(
            f"run {state.id} is not the last one of {state.start.task}",
            next_steps=[f"runr report {newer}"] if newer else [],
        )
    return state.start.task


def _word(project: Project, verdict: Verdict) -> Approval:
    word = testimony.word(project, verdict.reason, verdict.by)
    if not word.reason:
        raise UsageError("a reason is needed: it is recorded, and a worker is told what is wrong")
    return word
