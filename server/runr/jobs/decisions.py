"""What a job leaves to people: what they have to do, and what they have decided since."""

from runr.jobs import outcomes
from runr.jobs.state import JobState, TaskProgress
from runr.next_steps import commands
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.runs import journal as run_journal
from runr.runs import stop_reasons
from runr.runs.model import RunState


def ended_since(project: Project, each: TaskProgress) -> RunState | None:
    """Return the run of a task that was left to a person, if it has ended otherwise since."""
    if each.status != "held" or each.run_id is None:
        return None
    run = run_journal.state(project.layout.run(each.run_id))
    if run is None or run.result is None:
        return None
    return run if run.result == "completed" or run.stop_reason != each.code else None


def as_decided(project: Project, state: JobState) -> JobState:
    """Return the state with what was decided since the job has looked at its tasks."""
    tasks = (_decided(each, ended_since(project, each)) for each in state.tasks)
    return state._replace(tasks=tuple(tasks))


def _decided(each: TaskProgress, run: RunState | None) -> TaskProgress:
    if run is None:
        return each
    if run.result == "completed":
        return each._replace(code="", detail="completed since, and counts when the job is resumed")
    by_person = run.stop_reason in stop_reasons.FOR_A_PERSON
    return each._replace(
        status="held" if by_person else "failed",
        code=run.stop_reason or "",
        detail=outcomes.detail_of(run),
    )


def for_persons(state: JobState) -> list[NextStep]:
    """Return where a person sees what to do: the tasks that are listed as waiting, or one task."""
    manual = {item.task for item in state.start.work.items if item.manual}
    left = [each for each in state.tasks if each.needs_human]
    listed = [each for each in left if each.status == "held" or each.task in manual]
    others = [each for each in left if each not in listed]
    found = [commands.list_tasks("--waiting")] if listed else []
    return [*found, *(commands.status(each.task) for each in others[:1])]
