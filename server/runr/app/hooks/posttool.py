"""After a tool was used: the edit or the command goes into the run's timeline."""

from runr.app.hooks.pretool import EDITS, inside, whose
from runr.app.hooks.scene import Reply, Scene

#: How much of a command is kept.
_LONGEST = 2000


def answer(scene: Scene) -> Reply:
    """Note what the session did, if it has a run open."""
    run = scene.run()
    if run is None:
        return Reply()
    call = scene.call
    kind = "session.edited" if call.tool in EDITS else "session.ran"
    about = (
        {"path": inside(scene, run) or call.path}
        if call.tool in EDITS
        else {"command": call.command[:_LONGEST]}
    )
    # Two installations of the hooks, a plugin and a project's, tell the same thing twice.
    told = {"tool": call.tool, **about, **whose(scene), "id": call.tool_use_id}
    scene.note(run, kind, told, once="id")
    return Reply()
