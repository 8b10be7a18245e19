"""Watch a run: its events as they come, until it has ended or the patience has."""

import time
from collections.abc import Callable

from runr.app.answers import RunView
from runr.app.project import Project
from runr.app.tasks import view
from runr.app.tasks.detail import TAIL
from runr.core.runstate import Event
from runr.engine import local, reconcile
from runr.store import runlog

Listener = Callable[[Event], None]

#: How long a look at the timeline is worth waiting for, in seconds.
_PAUSE = 0.1


def wait(
    project: Project,
    run_id: str,
    seconds: float | None = None,
    on_event: Listener = lambda _event: None,
    *,
    after: int = 0,
) -> RunView:
    """Return the run when it has ended, or as it stands after `seconds`.

    `on_event` hears every event with a number above `after`. A run whose
    process dies meanwhile is ended as interrupted.
    """
    files = runlog.find(project.layout, run_id)
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        alive = local.is_alive(files)
        for event in runlog.events(files, after):
            after = event.seq
            on_event(event)
        state = runlog.require(files)
        if state.ended and not alive:
            return view.run(state, files, tail=TAIL)
        if not alive and not state.by_session:
            project.entries()
            reconcile.end_if_dead(project.context(files))
        over = deadline is not None and time.monotonic() >= deadline
        if over or (state.by_session and state.ended is None):
            return view.run(state, files, now=project.now())
        time.sleep(_PAUSE)
