"""Which journals are not as they were when they were read.

Apart from what reads them: where none has changed, that need not be loaded. Each is looked at. Of
many, those of ended runs are looked at again only when a run has begun or is gone since, or
something was recorded of one of them: whoever does that touches the folder.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from runr import nofollow
from runr.history import database
from runr.storage.layout import Layout

if TYPE_CHECKING:
    import sqlite3

RUNS, JOB_RUNS = "runs", "job-runs"

#: With as many journals in a folder, looking at all of them is what a report would wait for.
MANY = 5_000

#: As long, a further change of a folder may leave its time as it is.
_RACY_NS = 2_000_000_000


class Mark(NamedTuple):
    """What changes with a journal: its size, and when it was changed, which cannot be set."""

    size: int
    changed_ns: int


class Look(NamedTuple):
    """What a look found: by its path below `.runr`, without the file's name, each journal.

    `folders` are those in which all journals were looked at, with the time of their last change.
    """

    changed: Mapping[str, Mark]
    gone: frozenset[str]
    folders: Mapping[str, int]


def look(
    layout: Layout, connection: "sqlite3.Connection", *, many: int = MANY, now_ns: int | None = None
) -> Look:
    """Return which journals have changed since they were read, and which are gone."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    changed: dict[str, Mark] = {}
    gone: set[str] = set()
    folders: dict[str, int] = {}
    for folder in (RUNS, JOB_RUNS):
        before = _changed_ns(layout, folder)
        whole = before is None or before != _looked_at(connection, folder)
        known = _known(connection, folder, whole=whole)
        names = None if whole else [path.partition("/")[2] for path, _, _ in known]
        there = set(marks(layout, folder, names))
        changed |= {path: Mark(*mark) for path, *mark in there - known}
        gone |= {path for path, _, _ in known - there} - changed.keys()
        if before is not None and whole and len(there) >= many and before < now_ns - _RACY_NS:
            folders[folder] = before
    return Look(changed, frozenset(gone), folders)


def marks(
    layout: Layout, folder: str, names: Iterable[str] | None = None
) -> Iterator[tuple[str, int, int]]:
    """Yield the path and the mark of each journal in a folder, or of those with the names."""
    for name, stat in nofollow.stat_in_each(layout.runr / folder, "timeline.jsonl", names):
        if stat.st_size and not name.startswith("."):
            yield f"{folder}/{name}", stat.st_size, stat.st_ctime_ns


def _changed_ns(layout: Layout, folder: str) -> int | None:
    try:
        return nofollow.stat(layout.runr / folder).st_ctime_ns
    except OSError:
        return None


def _looked_at(connection: "sqlite3.Connection", folder: str) -> int | None:
    row = connection.execute(database.queries()["folder"], (folder,)).fetchone()
    return int(row[0]) if row else None


def _known(
    connection: "sqlite3.Connection", folder: str, *, whole: bool
) -> set[tuple[str, int, int]]:
    name = "list_marks" if whole else "list_unsettled"
    return set(connection.execute(database.queries()[name], {"folder": folder}))
