"""One task: where it stands, why it is not done, what to do next."""

from runr.app import notes
from runr.app.answers import RunView, TaskDetail, TaskView
from runr.app.holding import holder
from runr.app.project import Project
from runr.app.tasks import view
from runr.app.tasks.board import Board
from runr.core import stops
from runr.core.standing import Standing
from runr.core.status import Entry, Evidence, State
from runr.core.task import Task
from runr.core.voice import Voice
from runr.engine.handin import settle
from runr.errors import DamagedStateError
from runr.git import checkpoint
from runr.store import runlog

#: Characters of a failed check's output in an answer, unless more are asked for.
TAIL = 1500

#: The latest notes of a run are shown; its report has them all.
_NOTES = 5


def task_status(project: Project, wanted: str, *, tail: int = TAIL) -> TaskDetail:
    """Return everything about the task that `wanted` names, with its current or last run."""
    board = Board.of(project)
    task = project.find_task(wanted, board.tasks)
    shown = describe(task, board)
    run = _last_run(project, board.entry(task), tail)
    head = project.repo.head()
    refs = checkpoint.of_task(project.repo, task.path) if head else ()
    commits = [f"{ref.sha[:12]} {ref.time[:10]} run:{', '.join(ref.run_ids)}" for ref in refs]
    return TaskDetail(task=shown, run=run, commits=commits, next=_advice(shown, run, project.voice))


def describe(task: Task, board: Board) -> TaskView:
    """Return the task with the reason why it is, or is not, done."""
    standing = board.standing(task)
    causes = _root_causes(standing, board) if standing.blocked_by else []
    return view.detail(standing, why=why_not_done(standing), causes=causes)


def _root_causes(blocked: Standing, board: Board) -> list[tuple[str, str]]:
    standings = board.standings()
    causes = board.backlog(standings).causes(blocked.path, standings)
    return [(path, cause or why_not_done(standings[path])) for path, cause in causes]


def _last_run(project: Project, entry: Entry, tail: int) -> RunView | None:
    if entry.last_run_id is None:
        return None
    files = project.layout.run(entry.last_run_id)
    try:
        state = runlog.state(files)
    except DamagedStateError as damage:
        project.warn(damage.message)
        return None
    if state is None:
        return None
    state = settle(project.context(files), state)
    noted = notes.told(runlog.events(files))[-_NOTES:]
    return holder.show(project, state, files, tail=tail).model_copy(update={"notes": noted})


def why_not_done(standing: Standing) -> str:
    """Say why the task is not done; of a completed one, on what evidence it is."""
    task, entry = standing.task, standing.entry
    if task.error is not None:
        return f"its file has a problem: {task.error.message}"
    if entry.status is State.COMPLETED:
        done = _completion(entry)
        doubts = "; ".join(doubt.told for doubt in standing.doubts)
        return f"{done}, but {doubts}" if doubts else done
    if entry.status is State.IN_PROGRESS:
        return f"run {entry.last_run_id} is at work on it"
    if standing.blocked_by:
        return f"it waits for {', '.join(standing.blocked_by)}"
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


def _advice(task: TaskView, run: RunView | None, voice: Voice) -> str:
    if task.status == "in_progress" and run is not None:
        if run.worker == "session":
            return _advice_on_session(task, run, voice)
        return f"Wait: run {run.id} is in phase {run.phase}. Ask {voice.status(task.path)} again."
    if task.status == "completed" and not task.stale:
        if task.unmerged and run is not None:
            bring_in = run.next[0] if run.next else f"git merge {task.checkpoint_sha}"
            return f"The checkpoint is not on this branch yet: {bring_in}"
        return "Nothing: it is done."
    if task.status == "completed":
        return f"See whether it still holds. To do it again: {voice.run(task.path)}."
    return _advice_on_open(task, run, voice)


def _advice_on_session(task: TaskView, run: RunView, voice: Voice) -> str:
    again, done = voice.run(task.path, by_session=True), voice.complete(task.path)
    if run.session == "active":
        return f"Its session finishes the work, then {done}; {again} gives it the brief again."
    return f"Nobody is at work on it: {again} takes it up, {done} completes what is there."


def _advice_on_open(task: TaskView, run: RunView | None, voice: Voice) -> str:
    if task.blocked_by:
        return f"Complete first: {', '.join(task.blocked_by)}."
    if not task.ready and task.problems:
        return f"Mend the file first: {task.problems[0]}"
    if task.type == "manual":
        return f"A person does it, then: {voice.vouch(task.path)}."
    if run is not None and run.stop_reason in stops.FOR_A_PERSON:
        return f"A person looks at it, then: {voice.vouch(task.path)}."
    if run is not None and run.status == "stopped" and run.next:
        return f"Read what failed, then: {run.next[-1]}"
    return f"Start it: {voice.run(task.path)}."
