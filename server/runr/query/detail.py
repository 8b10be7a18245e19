"""One task: where it stands, why it is not done, what to do next."""

from collections.abc import Iterable
from dataclasses import replace

from runr.errors import DamagedStateError, UsageError
from runr.execution.session_handoff import record_session_usage
from runr.git import checkpoint
from runr.project import Project
from runr.query import presenters
from runr.query.models import CommandResult, RunDetails, TaskDetails, TaskFields
from runr.query.presenters import SESSION
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.runs import journal, stop_reasons
from runr.runs.model import Event
from runr.runs.next_steps import Surface
from runr.status.model import Entry, Evidence, State
from runr.tasks.model import Task

#: Characters of a note: it is no place for a log.
LONGEST = 2000

_KIND = "note.added"


def add_note(project: Project, wanted: str, text: str) -> CommandResult:
    """Add a note to the journal of the open run that `wanted` names, by its id or its task."""
    text = text.strip()
    if not text:
        raise UsageError("a note needs a text", next_steps=["runr note RUN 'what was found'"])
    if len(text) > LONGEST:
        raise UsageError(f"a note has at most {LONGEST} characters, and this one has {len(text)}")
    run = project.find_run(wanted)
    state = journal.require(run)
    if state.ended:
        raise UsageError(
            f"run {run.id} has ended ({state.ended}), so nothing can be noted any more",
            next_steps=[f"runr report {run.id}"],
        )
    session = project.environment.get(SESSION)
    inside = project.environment.get("RUNR_RUN_ID") == run.id
    source = "worker" if inside else "session" if session else "person"
    by = {"session_id": session} if session else {"by": project.repo.user()}
    project.context(run).log.append(_KIND, {"text": text} | ({} if inside else by), source=source)
    return CommandResult(message=f"noted in run {run.id}", next_steps=[f"runr report {run.id}"])


def format_notes(events: Iterable[Event]) -> list[str]:
    """Return the notes of a run, oldest first, each with its time."""
    return [
        f"{event.time[:16]}Z {event.payload['text']}" for event in events if event.type == _KIND
    ]


#: Characters of a failed check's output in an answer, unless more are asked for.
DEFAULT_TAIL = 1500

#: The latest notes of a run are shown; its report has them all.
_NOTES = 5


def task_status(project: Project, wanted: str, *, tail: int = DEFAULT_TAIL) -> TaskDetails:
    """Return everything about the task that `wanted` names, with its current or last run."""
    snapshot = Snapshot.of(project)
    task = project.find_task(wanted, snapshot.tasks)
    shown = task_details(task, snapshot)
    run = _last_run(project, snapshot.entry(task), tail)
    head = project.repo.head()
    refs = checkpoint.of_task(project.repo, task.path) if head else ()
    commits = [f"{ref.sha[:12]} {ref.time[:10]} run:{', '.join(ref.run_ids)}" for ref in refs]
    return TaskDetails(
        task=shown, run=run, commits=commits, next_steps=[_advice(shown, run, project.surface)]
    )


def task_details(task: Task, snapshot: Snapshot) -> TaskFields:
    """Return the task with the reason why it is, or is not, done."""
    task_state = snapshot.state_of(task)
    causes = _root_causes(task_state, snapshot) if task_state.blocked_by else []
    return presenters.task_fields(task_state, why=why_not_done(task_state), causes=causes)


def _root_causes(blocked: TaskState, snapshot: Snapshot) -> list[tuple[str, str]]:
    task_states = snapshot.task_states()
    causes = snapshot.backlog().causes(blocked.path, task_states)
    return [(path, cause or why_not_done(task_states[path])) for path, cause in causes]


def _last_run(project: Project, entry: Entry, tail: int) -> RunDetails | None:
    if entry.last_run_id is None:
        return None
    files = project.layout.run(entry.last_run_id)
    try:
        state = journal.state(files)
    except DamagedStateError as damage:
        project.warn(damage.message)
        return None
    if state is None:
        return None
    state = record_session_usage(project.context(files), state)
    noted = format_notes(journal.events(files))[-_NOTES:]
    return replace(presenters.holder_details(project, state, files, tail=tail), notes=noted)


def why_not_done(task_state: TaskState) -> str:
    """Say why the task is not done; of a completed one, on what evidence it is."""
    task, entry = task_state.task, task_state.entry
    if task.error is not None:
        return f"its file has a problem: {task.error.message}"
    if entry.status is State.COMPLETED:
        done = _completion(entry)
        stale_reasons = "; ".join(stale_reason.message for stale_reason in task_state.stale_reasons)
        return f"{done}, but {stale_reasons}" if stale_reasons else done
    if entry.status is State.IN_PROGRESS:
        return f"run {entry.last_run_id} is at work on it"
    if task_state.blocked_by:
        return f"it waits for {', '.join(task_state.blocked_by)}"
    if entry.stop_reason:
        meaning = stop_reasons.find(entry.stop_reason).meaning
        return f"{meaning}: {entry.stop_detail.splitlines()[0]}" if entry.stop_detail else meaning
    return "a person has to do it" if presenters.is_manual(task) else "nobody has run it yet"


def _completion(entry: Entry) -> str:
    match entry.evidence:
        case Evidence.VERIFIED:
            return f"its checks passed and {str(entry.checkpoint_sha)[:12]} holds the work"
        case Evidence.ATTESTED:
            who = (entry.completed_by or "person:?").removeprefix("person:")
            return f"{who} said so: {entry.reason}"
        case _:
            return f"inferred from commit {str(entry.checkpoint_sha)[:12]}"


def _advice(task: TaskFields, run: RunDetails | None, surface: Surface) -> str:
    if task.status == "in_progress" and run is not None:
        if run.worker == "session":
            return _advice_on_session(task, run, surface)
        return f"Wait: run {run.id} is in phase {run.phase}. Ask {surface.status(task.path)} again."
    if task.status == "completed" and not task.stale:
        if task.unmerged and run is not None:
            bring_in = run.next_steps[0] if run.next_steps else f"git merge {task.checkpoint_sha}"
            return f"The checkpoint is not on this branch yet: {bring_in}"
        return "Nothing: it is done."
    if task.status == "completed":
        return f"See whether it still holds. To do it again: {surface.run(task.path)}."
    return _advice_on_open(task, run, surface)


def _advice_on_session(task: TaskFields, run: RunDetails, surface: Surface) -> str:
    again, done = surface.run(task.path, by_session=True), surface.complete(task.path)
    if run.session == "active":
        return f"Its session finishes the work, then {done}; {again} gives it the brief again."
    return f"Nobody is at work on it: {again} takes it up, {done} completes what is there."


def _advice_on_open(task: TaskFields, run: RunDetails | None, surface: Surface) -> str:
    if task.blocked_by:
        return f"Complete first: {', '.join(task.blocked_by)}."
    if not task.ready and task.problems:
        return f"Mend the file first: {task.problems[0]}"
    if task.type == "manual":
        return f"A person does it, then: {surface.attest(task.path)}."
    if run is not None and run.stop_reason in stop_reasons.FOR_A_PERSON:
        return f"A person looks at it, then: {surface.attest(task.path)}."
    if run is not None and run.status == "stopped" and run.next_steps:
        return f"Read what failed, then: {run.next_steps[-1]}"
    return f"Start it: {surface.run(task.path)}."
