"""Which runs a Claude Code session works on, found without the models of tasks and status."""

import json
from collections.abc import Iterator
from contextlib import suppress

from runr import nofollow
from runr.errors import DamagedStateError
from runr.runs import journal
from runr.runs.model import RunState
from runr.storage.layout import Layout

#: How many of the latest runs are searched for those of a session.
_LATEST = 50


def of_session(layout: Layout, session_id: str) -> RunState | None:
    """Return the run that the session has open."""
    return next((run for run in open_runs(layout) if is_of(run, session_id)), None)


def is_of(run: RunState, session_id: str) -> bool:
    """Return whether the session holds the run, or was its last holder."""
    return bool(session_id) and session_id == run.holder


def open_runs(layout: Layout) -> Iterator[RunState]:
    """Yield the open runs by sessions of the tasks that the status file has in progress."""
    with suppress(OSError, ValueError, AttributeError):
        data = nofollow.read(layout.status)
        if b'"in_progress"' not in data:
            return
        for entry in json.loads(data)["tasks"].values():
            run_id = entry.get("last_run_id")
            if entry.get("status") == "in_progress" and isinstance(run_id, str):
                run = find(layout, run_id)
                if run is not None and run.result is None:
                    yield run


def latest(layout: Layout, session_id: str) -> Iterator[RunState]:
    """Yield the session's runs among the latest of all runs, newest first."""
    with suppress(OSError):
        for run_id in sorted(nofollow.names(layout.runs), reverse=True)[:_LATEST]:
            run = find(layout, run_id)
            if run is not None and is_of(run, session_id):
                yield run


def find(layout: Layout, run_id: str) -> RunState | None:
    """Return the state of a session's run; None for other runs, damaged ones, and none."""
    with suppress(OSError, DamagedStateError):
        run = journal.state(layout.run(run_id))
        return run if run is not None and run.by_session else None
    return None
