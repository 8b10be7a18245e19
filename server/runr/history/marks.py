"""Which journals of runs and job runs are there, and which have changed.

Apart from what reads them: where none has changed, it need not be loaded.
"""

from typing import NamedTuple

from runr import nofollow
from runr.storage.layout import Layout

RUNS, JOB_RUNS = "runs", "job-runs"


class Mark(NamedTuple):
    """What changes with a journal: its size, and when it was changed, which cannot be set."""

    size: int
    changed_ns: int


def find(layout: Layout) -> dict[str, Mark]:
    """Return the mark of each journal, by its path below `.runr` without the file's name."""
    found = {}
    for kind in (RUNS, JOB_RUNS):
        for name, stat in nofollow.stat_in_each(layout.runr / kind, "timeline.jsonl"):
            if stat.st_size and not name.startswith("."):
                found[f"{kind}/{name}"] = Mark(stat.st_size, stat.st_ctime_ns)
    return found
