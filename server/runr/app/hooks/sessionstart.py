"""A session starts: it is told what is open, stale and ready, as long as there is something."""

from contextlib import suppress
from functools import partial

from runr.app.hooks import lastlook, stamping
from runr.app.hooks.scene import Reply, Scene
from runr.core import greeting, hookcall
from runr.core.greeting import Open, Overview
from runr.errors import RunrError
from runr.store import openrun


def answer(scene: Scene) -> Reply:
    """Return the lines for the model, the first of them for the user too.

    Where something has changed since the last look, the next one comes behind the answer.
    """
    # Commits that say nothing are no reason to say nothing, nor are damaged settings.
    with suppress(OSError, ValueError, RunrError):
        stamping.inject(scene)
    look = partial(_look, scene)
    known = lastlook.recall(scene.layout) or look()
    at_work = _at_work(scene, known.overview)
    told = greeting.lines(known.overview, at_work, known.uncounted)
    return Reply(hookcall.greet(told) if told else None, look if known.uncounted else None)


def _look(scene: Scene) -> lastlook.LastLook:
    return lastlook.renew(scene.layout, scene.project())


def _at_work(scene: Scene, overview: Overview) -> list[Open]:
    sessions = {run.id: run for run in openrun.open_runs(scene.layout)}
    found = []
    for name, run_id in overview.in_progress:
        run = sessions.get(run_id)
        holder = f"session {run.holder[:8]}" if run else "a run of its own"
        mine = run is not None and run.is_of(scene.call.session_id)
        found.append(Open(name, run_id, holder, mine, run.owns if run else ()))
    return found
