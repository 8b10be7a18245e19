"""Watch a run: its events as they come, until it has ended or the patience has."""

import time
from collections.abc import Callable

from runr.errors import DamagedStateError
from runr.execution import process, reconcile
from runr.project import Project
from runr.query import presenters
from runr.query.detail_models import RunDetails
from runr.query.models import DEFAULT_TAIL
from runr.runs import journal
from runr.runs.events import Event
from runr.storage.files import is_held

Listener = Callable[[Event], None]

#: How long a look at the timeline is worth waiting for, in seconds.
_PAUSE = 0.1


def wait_for_run(
    project: Project,
    run_id: str,
    seconds: float | None = None,
    on_event: Listener = lambda _event: None,
    *,
    after: int = 0,
) -> RunDetails:
    """Return the run when it has ended and its hooks were called, or its state after `seconds`.

    `on_event` hears every event with a number above `after`. A run whose
    process dies meanwhile is ended as interrupted.
    """
    files = journal.find(project.layout, run_id)
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        alive = process.is_alive(files)
        # It is held before the process of the run lets go of its own lock.
        calling = is_held(files.hooks_lock)
        over = deadline is not None and time.monotonic() >= deadline
        try:
            events, state = journal.events(files, after), journal.require(files)
        except DamagedStateError:
            if over or not alive:
                raise
            # The process of the run puts back what its worker wrote into the journal.
            time.sleep(_PAUSE)
            continue
        for event in events:
            after = event.seq
            on_event(event)
        if state.result and not alive and (over or not calling):
            return presenters.run_details(project, state, files, tail=DEFAULT_TAIL)
        if not alive and not state.by_session:
            project.entries()
            reconcile.end_if_dead(project.context(files))
        if over or (state.by_session and state.result is None):
            return presenters.run_details(project, state, files, now=project.now())
        time.sleep(_PAUSE)
