"""Runs that are open again by their journal, while the status file says that they have stopped.

Whoever takes a stopped run further may be killed before the status file says so. Only journals of
which it is noted that they have grown after their end are looked at.
"""

from collections.abc import Mapping
from contextlib import suppress

from runr.errors import DamagedStateError
from runr.runs import journal
from runr.status.model import Entry, State
from runr.storage import reopened
from runr.storage.layout import Layout

_ENDED = (State.STOPPED, State.FAILED)


def find(layout: Layout, entries: Mapping[str, Entry]) -> frozenset[str]:
    """Return the tasks that have stopped by their entry, and whose run is open."""
    stopped = {task: each.last_run_id for task, each in entries.items() if each.status in _ENDED}
    if not stopped:
        return frozenset()
    notes = reopened.read(layout, layout.runs.name, 0)
    return frozenset(
        task
        for task, run_id in stopped.items()
        if run_id and (notes is None or run_id in notes.sizes) and _is_open(layout, run_id)
    )


def _is_open(layout: Layout, run_id: str) -> bool:
    with suppress(OSError, DamagedStateError):
        found = journal.state(layout.run(run_id))
        return found is not None and found.result is None
    return False
