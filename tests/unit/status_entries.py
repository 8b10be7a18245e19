"""Write status files with given entries."""

from typing import Any

from runr.status import store
from runr.status.model import Entry, Evidence, State, Verification
from runr.storage.layout import Layout

A, B, C = (f".runr/tasks/{name}.md" for name in "abc")
RUN = "20250108-143022-k7qf"
LATER = "20250108-150000-p2wd"
SHA = "2" * 40
NOW = "2025-01-08T14:35:22Z"


def completed(**facts: Any) -> Entry:
    known: dict[str, Any] = {
        "status": State.COMPLETED,
        "last_run_id": RUN,
        "updated_at": NOW,
        "completed_at": NOW,
        "completed_by": f"run:{RUN}",
        "checkpoint_sha": SHA,
        "task_sha256": "3" * 64,
        "verification": Verification.PASSED,
        "evidence": Evidence.VERIFIED,
        "run_count": 1,
        "revision": 2,
    }
    return Entry(**(known | facts))


def write(layout: Layout, *names: str) -> bytes:
    """Record completed tasks and return the file's bytes."""
    store.update(layout, lambda tasks: tasks | {name: completed() for name in names})
    return layout.status.read_bytes()
