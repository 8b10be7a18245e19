"""A session has ended: its open run is left in a true state, and what it cost is added up."""

from runr.app.hooks import stop
from runr.app.hooks.scene import Scene
from runr.store import openrun


def answer(scene: Scene) -> None:
    """End the session's open run, and settle those that have ended."""
    run = scene.run()
    if run is not None:
        stop.leave(scene, run, f"the session ended: {stop.missing(run)}")
    for ended in openrun.latest(scene.layout, scene.call.session_id):
        if ended.ended is not None and not ended.settled:
            _settle(scene, ended)


def _settle(scene: Scene, run: openrun.OpenRun) -> None:
    # Only a session that had a run pays for this.
    from runr.engine.handin import settle  # noqa: PLC0415 - see above
    from runr.store import runlog  # noqa: PLC0415

    settle(scene.project().context(run.files), runlog.require(run.files))
