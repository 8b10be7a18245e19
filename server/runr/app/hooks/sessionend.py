"""A session has ended: its open run is left in a true state, and what it cost is added up.

What the next session is told at its start is found out as well: nobody waits for it here.
"""

from collections.abc import Iterable
from functools import partial

from runr.app.hooks import lastlook, stop
from runr.app.hooks.scene import Reply, Scene
from runr.store import openrun
from runr.store.openrun import OpenRun


def answer(scene: Scene) -> Reply:
    """End the session's open run; settle those that have ended when nobody waits for it."""
    session = scene.call.session_id
    unsettled = [known for known in openrun.latest(scene.layout, session) if not known.settled]
    run = scene.run()
    left = run is not None and stop.leave(scene, run, f"the session ended: {stop.missing(run)}")
    if not unsettled and _is_looked_at(scene):
        return Reply()
    return Reply(then=partial(_wind_up, scene, run if left else None, unsettled))


def _wind_up(scene: Scene, left: OpenRun | None, unsettled: Iterable[OpenRun]) -> None:
    if left is not None:
        stop.finish(scene, left)
    for ended in unsettled:
        _settle(scene, ended)
    if not _is_looked_at(scene):
        lastlook.renew(scene.layout, scene.project())


def _is_looked_at(scene: Scene) -> bool:
    known = lastlook.recall(scene.layout)
    return known is not None and not known.uncounted


def _settle(scene: Scene, run: OpenRun) -> None:
    # Only a session that had a run pays for this.
    from runr.engine.handin import settle  # noqa: PLC0415 - see above
    from runr.store import runlog  # noqa: PLC0415 - see above

    settle(scene.project(run.workdir).context(run.files), runlog.require(run.files))
