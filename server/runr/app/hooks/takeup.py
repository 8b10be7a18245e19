"""A session calls the server: which one it is; and a run that it had left is open again."""

from runr.app.hooks.scene import Scene
from runr.store import callers, openrun


def answer(scene: Scene) -> None:
    """Say whose call it is, and take the run up before complete-task looks for it."""
    callers.note(scene.layout, scene.call.tool_use_id, scene.call.session_id)
    # A person's word needs no run.
    if not scene.call.tool.endswith("complete-task") or scene.call.tool_input.get("reason"):
        return
    left = next(openrun.latest(scene.layout, scene.call.session_id), None)
    if left is None or (left.ended, left.stop) != ("stopped", "unverified"):
        return
    # What follows happens once for a run that was left.
    from runr.app.runs import resume_run  # noqa: PLC0415 - see above

    project = scene.project(left.workdir)
    if project.find_task(scene.call.task, project.tasks()).path == left.task:
        resume_run(project, left.id)
