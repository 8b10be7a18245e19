"""A session has ended: its open run is left in a true state, and what it cost is added up.

What the next session is told at its start is found out as well: nobody waits for it here.
"""

import os

from runr.app.hooks import sessionstart, stop
from runr.app.hooks.scene import Scene
from runr.store import openrun
from runr.store.openrun import OpenRun


def answer(scene: Scene) -> None:
    """End the session's open run, and settle those that have ended."""
    run = scene.run()
    unsettled = [
        known
        for known in openrun.latest(scene.layout, scene.call.session_id)
        if not known.settled and known.id != (run and run.id)
    ]
    if run is None and not unsettled and sessionstart.known(scene.layout):
        return
    _go_aside()
    if run is not None:
        stop.leave(scene, run, f"the session ended: {stop.missing(run)}")
        unsettled.append(run)
    for ended in unsettled:
        _settle(scene, ended)
    if not sessionstart.known(scene.layout):
        sessionstart.find_out(scene)


def _settle(scene: Scene, run: OpenRun) -> None:
    # Only a session that had a run pays for this.
    from runr.engine.handin import settle  # noqa: PLC0415 - see above
    from runr.store import runlog  # noqa: PLC0415 - see above

    settle(scene.project(run.workdir).context(run.files), runlog.require(run.files))


def _go_aside() -> None:
    """Let Claude Code go on: it ends its last hooks after little more than a second."""
    if os.fork():
        os._exit(0)
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
