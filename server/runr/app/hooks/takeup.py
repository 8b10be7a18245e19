"""A session calls the server: which one it is; and a run that it had left is open again."""

from runr.app.hooks.scene import Scene
from runr.store import callers, openrun
from runr.store.callers import Caller


def answer(scene: Scene) -> None:
    """Say whose call it is, and take the run up before complete-task looks for it."""
    call = scene.call
    callers.note(scene.layout, call.tool_use_id, Caller(call.session_id, call.cwd))
    # A person's word needs no run.
    if not call.tool.endswith("complete-task") or call.tool_input.get("reason"):
        return
    left = next(openrun.latest(scene.layout, call.session_id), None)
    if left is None or (left.ended, left.stop) != ("stopped", "unverified"):
        return
    # What follows happens once for a run that was left.
    from runr.app.runs import resume_run  # noqa: PLC0415 - see above

    project = scene.project(left.workdir)
    if project.find_task(call.task, project.tasks()).path == left.task:
        resume_run(project, left.id)
