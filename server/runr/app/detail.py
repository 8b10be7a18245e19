"""One task: where it stands, why it is not done, what to do next."""

from runr.app import view
from runr.app.answers import RunView, TaskDetail, TaskView
from runr.app.board import Board
from runr.app.project import Project
from runr.core import stops
from runr.core.status import Entry, Evidence, State
from runr.core.task import Task
from runr.engine.handin import settle
from runr.errors import DamagedStateError
from runr.git import infer
from runr.store import runlog

#: Characters of a failed check's output in an answer, unless more are asked for.
TAIL = 1500


def task_status(project: Project, wanted: str, *, tail: int = TAIL) -> TaskDetail:
    """Return everything about the task that `wanted` names, with its current or last run."""
    board = Board.of(project)
    task = project.find_task(wanted, board.tasks)
    shown = describe(task, board)
    run = _last_run(project, board.entry(task), tail)
    head = project.repo.head()
    refs = infer.of_task(project.repo, task.path) if head else ()
    commits = [f"{ref.sha[:12]} {ref.time[:10]} run:{', '.join(ref.run_ids)}" for ref in refs]
    return TaskDetail(task=shown, run=run, commits=commits, next=_advice(shown, run))


def describe(task: Task, board: Board) -> TaskView:
    """Return the task with the reason why it is, or is not, done."""
    return view.detail(task, board, why=_why(task, board.entry(task), board.blockers(task)))


def _last_run(project: Project, entry: Entry, tail: int) -> RunView | None:
    if entry.last_run_id is None:
        return None
    files = project.layout.run(entry.last_run_id)
    try:
        state = runlog.state(files)
    except DamagedStateError as damage:
        project.warn(damage.message)
        return None
    if state is not None:
        state = settle(project.context(files), state)
    return view.run(state, files, tail=tail, now=project.now()) if state else None


def _why(task: Task, entry: Entry, blockers: tuple[str, ...]) -> str:
    if task.error is not None:
        return f"its file has a problem: {task.error.message}"
    if entry.status is State.COMPLETED:
        done = _completion(entry)
        return f"{done}, but its text has changed since" if view.is_stale(task, entry) else done
    if entry.status is State.IN_PROGRESS:
        return f"run {entry.last_run_id} is at work on it"
    if blockers:
        return f"it waits for {', '.join(blockers)}"
    if entry.stop_reason:
        meaning = stops.find(entry.stop_reason).meaning
        return f"{meaning}: {entry.error.splitlines()[0]}" if entry.error else meaning
    return "a person has to do it" if view.is_manual(task) else "nobody has run it yet"


def _completion(entry: Entry) -> str:
    match entry.evidence:
        case Evidence.VERIFIED:
            return f"its checks passed and {str(entry.checkpoint_sha)[:12]} holds the work"
        case Evidence.ATTESTED:
            who = (entry.completed_by or "person:?").removeprefix("person:")
            return f"{who} said so: {entry.reason}"
        case _:
            return f"inferred from commit {str(entry.checkpoint_sha)[:12]}"


def _advice(task: TaskView, run: RunView | None) -> str:
    name = task.path.removeprefix(".runr/tasks/")
    if task.status == "in_progress" and run is not None:
        if run.worker == "session":
            return f"Finish the work, then complete-task {name!r}."
        return f"Wait: run {run.id} is in phase {run.phase}. Ask task-status again."
    if task.status == "completed" and not task.stale:
        if task.unmerged and run is not None and run.next:
            return f"The checkpoint is not on this branch yet: {run.next[0]}"
        return "Nothing: it is done."
    return _advice_on_open(task, run, name)


def _advice_on_open(task: TaskView, run: RunView | None, name: str) -> str:
    if task.blocked_by:
        return f"Complete first: {', '.join(task.blocked_by)}."
    if not task.ready and task.problems:
        return f"Mend the file first: {task.problems[0]}"
    if task.type == "manual":
        return f"A person does it, then: complete-task {name!r} with by and reason."
    if run is not None and run.stop_reason in stops.FOR_A_PERSON:
        return f"A person looks at it, then: complete-task {name!r} with by and reason."
    if run is not None and run.status == "stopped" and run.next:
        return f"Read what failed, then: {run.next[-1]}"
    return f"run-task {name!r}"
