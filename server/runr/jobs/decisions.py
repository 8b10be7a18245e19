"""What a job leaves to people: what they have to do, and what they have decided since."""

from runr.jobs import journal, outcomes
from runr.jobs.state import JobState, TaskProgress
from runr.next_steps import commands
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.runs import stop_reasons
from runr.runs.model import RunState
from runr.status.model import UNTOUCHED, State
from runr.storage.files import is_held
from runr.tasks.model import short_name

#: What is said of a task that a person has completed since the job has ended.
COMPLETED_SINCE = "completed since, and counts when the job is resumed"


def ended_since(project: Project, each: TaskProgress) -> RunState | None:
    """Return the run of a task that did not complete it, if a person has brought it to another end.

    One that was left to a person is approved, rejected or resumed, one that failed, or waits for
    a reset, resumed.
    """
    if each.status not in ("held", "failed", "waiting") or each.run_id is None or each.rejected:
        return None
    run = journal.run_of(project.layout, each.run_id)
    if run is None or run.result is None:
        return None
    if each.status == "held":
        return run if run.result == "completed" or run.stop_reason != each.code else None
    entry = project.entries().get(each.task, UNTOUCHED)
    counts = entry.status is State.COMPLETED and entry.last_run_id == run.id
    return run if run.result == "completed" and counts else None


def as_decided(project: Project, state: JobState) -> JobState:
    """Return the state with what was decided since the job has looked at its tasks."""
    runs = {each.task: ended_since(project, each) for each in state.tasks}
    tasks = tuple(_decided(each, runs[each.task]) for each in state.tasks)
    names = [short_name(task) for task, run in runs.items() if run is not None]
    if not any(state.reason.startswith(f"{name}: ") for name in names):
        return state._replace(tasks=tasks)
    left = [each for each in tasks if each.status != "completed"]
    first = next((each for each in left if each.needs_human or each.status == "failed"), left[0])
    return state._replace(tasks=tasks, reason=f"{short_name(first.task)}: {outcomes.reason(first)}")


def _decided(each: TaskProgress, run: RunState | None) -> TaskProgress:
    if run is None:
        return each
    if run.result == "completed":
        return each._replace(status="waiting", code="", detail=COMPLETED_SINCE)
    by_person = run.stop_reason in stop_reasons.FOR_A_PERSON
    return each._replace(
        status="held" if by_person else "failed",
        code=run.stop_reason or "",
        detail=outcomes.detail_of(run),
    )


def for_persons(project: Project, state: JobState) -> list[NextStep]:
    """Return where a person sees what to do: a branch to land, the tasks that wait, or one task."""
    items = {item.task: item for item in state.start.work.items}
    manual = {task for task, item in items.items() if item.manual}
    left = [each for each in state.tasks if each.needs_human]
    listed = any(
        each.status == "held" or not manual.isdisjoint((each.task, *items[each.task].needs))
        for each in left
    )
    jobs = [each.unlanded_job_id for each in left if each.unlanded_job_id]
    ended = [each for each in dict.fromkeys(jobs) if not is_held(project.layout.job_run(each).lock)]
    found = [commands.list_tasks("--waiting")] if listed else []
    found += [commands.job_land(each) for each in ended]
    if any(each.unmerged for each in left):
        found += [
            commands.git("switch", state.start.branch),
            commands.git("merge", state.start.target),
        ]
    return found or [commands.status(each.task) for each in left[:1]]
