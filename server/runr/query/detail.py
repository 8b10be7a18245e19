"""One task: its state, why it is not done, its last run and what to do next."""

from contextlib import suppress
from dataclasses import replace

from runr.errors import DamagedStateError, UnknownNameError
from runr.next_steps import commands
from runr.next_steps.step import NextStep
from runr.next_steps.tasks import NOTHING, TaskFacts, for_task
from runr.project import Project
from runr.query import task_views
from runr.query.detail_models import RunDetails, TaskDetails, TaskFields
from runr.query.models import DEFAULT_TAIL
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.status.model import Entry
from runr.tasks.model import Task
from runr.tasks.repository import read_content

#: The latest notes of a run are shown; its report has them all.
_NOTES = 5


def task_status(project: Project, wanted: str, *, tail: int = DEFAULT_TAIL) -> TaskDetails:
    """Return everything about the task that `wanted` names, with its current or last run.

    The id of a run names its task too, and that run.
    """
    snapshot = Snapshot.of(project)
    task, run_id = _task_and_run(project, wanted, snapshot)
    shown, facts = task_with_facts(project, task, snapshot, tail=tail)
    if run_id not in (None, snapshot.entry(task).last_run_id):
        asked, _ = _run(project, run_id, tail)
        shown = replace(shown, run=asked)
    steps = for_task(facts, agent=not project.surface.is_shell)
    if not steps and not project.surface.is_shell:
        steps = (NOTHING,)
    return replace(
        shown,
        commits=_commits(project, task),
        next_steps=project.surface.lines(project.with_prerequisites(steps)),
    )


def task_with_facts(
    project: Project, task: Task, snapshot: Snapshot, *, tail: int
) -> tuple[TaskDetails, TaskFacts]:
    """Return the task with its last run, and what decides about its next steps."""
    shown = task_details(task, snapshot)
    run, run_steps = _last_run(project, snapshot.entry(task), tail)
    facts = task_views.next_step_facts(shown, run, run_steps)
    if shown.blocked_by:
        facts = facts._replace(unlanded=unlanded_job(project, snapshot, task.path))
    elif shown.unmerged:
        facts = facts._replace(unlanded=job_with_work(project, snapshot.state_of(task)))
    return TaskDetails(task=shown, run=run), facts


def unlanded_job(project: Project, snapshot: Snapshot, path: str) -> str | None:
    """Return the job run whose branch has the work that a task depends on; None where none has."""
    states, own = snapshot.task_states(), snapshot.graph.edges.get(path)
    needs = own.paths if own else ()
    return next((job for need in needs if (job := job_with_work(project, states[need]))), None)


def job_with_work(project: Project, task_state: TaskState) -> str | None:
    """Return the job run on whose branch the work of a task waits; None where there is none."""
    run_id = task_state.entry.last_run_id
    if task_state.absent is None or run_id is None:
        return None
    from runr.runs import journal  # noqa: PLC0415 - as in `_run`

    with suppress(DamagedStateError):
        run = journal.state(project.layout.run(run_id))
        job = run.start.job if run else None
        if run and job and project.repo.resolve(f"refs/heads/{run.start.target}"):
            return job.job_run_id
    return None


def task_details(task: Task, snapshot: Snapshot) -> TaskFields:
    """Return the task with the reason why it is, or is not, done."""
    task_state = snapshot.state_of(task)
    causes = _root_causes(task_state, snapshot) if task_state.blocked_by else []
    return task_views.task_fields(
        task_state, why=task_views.why_not_done(task_state), causes=causes
    )


def _root_causes(blocked: TaskState, snapshot: Snapshot) -> list[tuple[str, str]]:
    task_states = snapshot.task_states()
    causes = snapshot.backlog().causes(blocked.path, task_states)
    return [(path, cause or task_views.why_not_done(task_states[path])) for path, cause in causes]


def _last_run(
    project: Project, entry: Entry, tail: int
) -> tuple[RunDetails | None, tuple[NextStep, ...]]:
    """Return the last run and its next steps."""
    return _run(project, entry.last_run_id, tail)


def _task_and_run(project: Project, wanted: str, snapshot: Snapshot) -> tuple[Task, str | None]:
    """Return the task, and the run where it is named."""
    try:
        return project.find_task(wanted, snapshot.tasks), None
    except UnknownNameError as unknown:
        if not project.is_run_id(wanted):
            raise
        from runr.runs import journal  # noqa: PLC0415 - as in `_run`

        state = journal.folded(project.find_run(wanted), any_clone=True)
        if state is None or not state.start.task:
            raise unknown from None
        task = next((each for each in snapshot.tasks if each.path == state.start.task), None)
        if task is None:
            raise UnknownNameError(
                f"the task of run {state.id}, {state.start.task}, is gone",
                next_steps=[commands.list_tasks()],
            ) from None
        return task, state.id


def _run(
    project: Project, run_id: str | None, tail: int
) -> tuple[RunDetails | None, tuple[NextStep, ...]]:
    """Return a run and its next steps."""
    if run_id is None:
        return None, ()
    # A task without a run does not need what reads runs.
    from runr.execution.session_handoff import record_session_usage  # noqa: PLC0415 - see above
    from runr.query import notes, presenters  # noqa: PLC0415 - see above
    from runr.runs import journal  # noqa: PLC0415 - see above

    files = project.layout.run(run_id)
    try:
        state = journal.state(files)
    except DamagedStateError as damage:
        project.warn(damage.message)
        return None, ()
    if journal.is_foreign(files):
        project.warn(f"run {files.id} is a record of another clone: it proves nothing here")
    if state is None:
        return None, ()
    state = record_session_usage(project.context(files), state)
    latest = notes.format_notes(journal.events(files))[-_NOTES:]
    shown = presenters.holder_details(project, state, files, tail=tail)
    return replace(shown, notes=latest), presenters.next_steps(state)


def read_text(project: Project, task_path: str) -> str:
    """Return the file of a task as it is."""
    return read_content(project.layout, task_path).decode("utf-8", "replace")


def _commits(project: Project, task: Task) -> list[str]:
    """Return the commits whose trailers name the task, the latest first."""
    head = project.head()
    if head is None:
        return []
    from runr.git import checkpoint  # noqa: PLC0415 - a repository without commits needs it not

    found = project.memo.get("checkpoints", (head,), lambda: checkpoint.by_task(project.repo, head))
    refs = found.get(task.path, ())
    return [f"{ref.sha[:12]} {ref.time[:10]} run:{', '.join(ref.run_ids)}" for ref in refs]
