"""A session is about to stop: an open run holds it once, and is then let go."""

import os
from functools import partial

from runr.app.hooks.scene import Reply, Scene
from runr.core import hookcall
from runr.store import files, note
from runr.store.openrun import OpenRun

HELD = "session.held"


def answer(scene: Scene) -> Reply:
    """Say once what is missing; the second time, record that the run was left unverified."""
    run = scene.run()
    if run is None or scene.call.busy:
        return Reply()
    if scene.call.again or note.is_noted(run.files, HELD):
        if not leave(scene, run, missing(run)):
            return Reply()
        again = f"To take it up again: runr resume {run.id}"
        told = hookcall.announce(f"runr: {run.name} is left unverified. {again}")
        return Reply(told, partial(finish, scene, run))
    scene.note(run, HELD, {"missing": missing(run)})
    return Reply(_held(run))


def _held(run: OpenRun) -> str:
    # The table of stops, of which this is a part, takes longer to load than all of this.
    from runr.core.stops import quoted  # noqa: PLC0415 - see above

    return hookcall.hold(
        f"runr: run {run.id} of {run.name} is open: {missing(run)}. Call complete-task "
        f"{quoted(run.name)}: it runs the checks, commits and records. If you cannot finish the "
        "task, or need an answer first, tell the user what is missing and stop: "
        "the run is then recorded as stopped, unverified."
    )


def missing(run: OpenRun) -> str:
    """Return what keeps the run from being completed."""
    if run.violations:
        return f"outside its scope: {', '.join(run.violations[:5])}"
    if run.failed:
        return f"failed: {', '.join(f'`{command}`' for command in run.failed[:5])}"
    return "complete-task has not been called"


def leave(scene: Scene, run: OpenRun, why: str) -> bool:
    """Record that the run has stopped, with the work kept; False where somebody is completing it.

    With that the run has ended for everyone who looks; `finish` does what follows from it.
    """
    lock = files.hold(run.files.lock)
    if lock is None:
        return False
    try:
        return scene.stop(run, "unverified", why)
    finally:
        os.close(lock)


def finish(scene: Scene, run: OpenRun) -> None:
    """Write the status and the story of a run that was left: that takes the models."""
    from runr.engine import ending  # noqa: PLC0415 - see above

    ending.finish(scene.project(run.workdir).context(run.files))
