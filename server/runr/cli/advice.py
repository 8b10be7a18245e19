"""What to type next: the answers' advice as commands for a terminal."""

from runr.app.answers import CompleteAnswer, RunAnswer, TaskDetail, TaskRow, TaskView
from runr.core.stops import quoted

_TASKS = ".runr/tasks/"
_SAID = "--reason 'what was done'"


def name(path: str) -> str:
    """Return a task's name as one shell word."""
    return quoted(path.removeprefix(_TASKS))


def after_detail(answer: TaskDetail) -> list[str]:
    """Return the commands that take the task further; none for one that is done."""
    task, run = answer.task, answer.run
    if task.status == "in_progress" and run is not None:
        hand_in = run.worker == "session"
        return [_complete(task)] if hand_in else [f"runr follow {run.id}", f"runr stop {run.id}"]
    if task.status == "completed" and not task.stale:
        if not task.unmerged or run is None:
            return []
        return list(run.next) or [f"git merge {task.checkpoint_sha}"]
    if task.status == "completed":
        wanted = name(task.path)
        again = f"runr run --task {wanted}"
        steps = [f"runr why {wanted} --diff", f"runr accept {wanted}"]
        return steps if task.type == "manual" else [*steps, again]
    if not task.ready:
        return _unblock(task)
    if task.type == "manual":
        return [f"{_complete(task)} {_SAID}"]
    if run is not None and run.status == "stopped" and run.next:
        return list(run.next)
    return [f"runr run --task {name(task.path)}"]


def after_completion(answer: CompleteAnswer) -> list[str]:
    """Return the commands after an attempt at completing a task."""
    if answer.completed or answer.run is None:
        return []
    if answer.run.status == "running":
        return [_complete(answer.task), f"runr report {answer.run.id}"]
    return list(answer.run.next)


def after_brief(answer: RunAnswer) -> list[str]:
    """Return what a session types when it has done what its brief says."""
    return [f"runr complete-task {name(answer.run.task)}"]


def _unblock(task: TaskView) -> list[str]:
    open_tasks = [path for path in task.blocked_by if path.startswith(_TASKS)]
    return [f"runr task-status {name(path)}" for path in open_tasks]


def _complete(task: TaskRow) -> str:
    return f"runr complete-task {name(task.path)}"
