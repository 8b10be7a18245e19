"""Which journals are not as they were when they were read.

Apart from what reads them: where none has changed, that need not be loaded. Each is looked at. Of
many, those of ended runs are looked at again only when their folder has changed: then those of
which runr has noted that they grow, and a part of the others in turn.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from runr import nofollow
from runr.history import database
from runr.storage import reopened
from runr.storage.layout import Layout
from runr.storage.reopened import Notes

if TYPE_CHECKING:
    import sqlite3

RUNS, JOB_RUNS = "runs", "job-runs"

#: With as many journals in a folder, looking at all of them is what a report would wait for.
MANY = 5_000
#: As many of the others are looked at with each change of the folder: all, after some changes.
TURN = 5_000

#: As long, a further change of a folder may leave its time as it is.
_RACY_NS = 2_000_000_000


class Mark(NamedTuple):
    """What changes with a journal: its size, and when it was changed, which cannot be set."""

    size: int
    changed_ns: int


class LookedAt(NamedTuple):
    """When a folder had changed last before a look, how far its notes were read, whose turn was."""

    changed_ns: int
    noted_bytes: int = 0
    turn: str = ""


class Look(NamedTuple):
    """What a look found: by its path below `.runr`, without the file's name, each journal.

    Those that are `growing` have been noted and have not grown yet. `folders` are not looked into
    again before they change.
    """

    changed: Mapping[str, Mark]
    gone: frozenset[str]
    growing: frozenset[str]
    folders: Mapping[str, LookedAt]


class _Seen(NamedTuple):
    """Journals of a folder as they were read and as they are; `number` is of all there."""

    known: set[tuple[str, int, int]]
    there: set[tuple[str, int, int]]
    number: int
    turn: str = ""


def look(
    layout: Layout,
    connection: "sqlite3.Connection",
    *,
    many: int = MANY,
    every: bool = False,
    now_ns: int | None = None,
) -> Look:
    """Return which journals have changed since they were read, and which are gone.

    Each one is looked at with `every`, also of many.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    changed: dict[str, Mark] = {}
    gone: set[str] = set()
    growing: set[str] = set()
    folders: dict[str, LookedAt] = {}
    for folder in (RUNS, JOB_RUNS):
        changed_ns = _changed_ns(layout, folder)
        before = None if every else _looked_at(connection, folder)
        if before is not None and before.changed_ns == changed_ns:
            seen = _unsettled(layout, connection, folder)
        else:
            notes = reopened.read(layout, folder, before.noted_bytes if before else 0)
            if before is None or notes is None:
                seen, notes = _all(layout, connection, folder), notes or Notes({}, 0)
            else:
                seen = _some(layout, connection, folder, before.turn, notes.sizes)
            growing |= {
                path for path, size, _ in seen.there if size <= notes.sizes.get(_name(path), 0)
            }
            if changed_ns and seen.number >= many and changed_ns < now_ns - _RACY_NS:
                folders[folder] = LookedAt(changed_ns, notes.end, seen.turn)
        changed |= {path: Mark(*mark) for path, *mark in seen.there - seen.known}
        gone |= {path for path, _, _ in seen.known - seen.there} - changed.keys()
    return Look(changed, frozenset(gone), frozenset(growing), folders)


def marks(
    layout: Layout, folder: str, names: Iterable[str] | None = None
) -> Iterator[tuple[str, int, int]]:
    """Yield the path and the mark of each journal in a folder, or of those with the names."""
    for name, stat in nofollow.stat_in_each(layout.runr / folder, "timeline.jsonl", names):
        if stat.st_size and not name.startswith("."):
            yield f"{folder}/{name}", stat.st_size, stat.st_ctime_ns


def _all(layout: Layout, connection: "sqlite3.Connection", folder: str) -> _Seen:
    there = set(marks(layout, folder))
    return _Seen(_rows(connection, "list_marks", folder), there, len(there))


def _unsettled(layout: Layout, connection: "sqlite3.Connection", folder: str) -> _Seen:
    known = _rows(connection, "list_unsettled", folder)
    return _Seen(known, set(marks(layout, folder, _names(known))), 0)


def _some(
    layout: Layout,
    connection: "sqlite3.Connection",
    folder: str,
    turn: str,
    noted: Collection[str],
) -> _Seen:
    """Look at the journals that are new or may have grown, and at those whose turn it is."""
    # A hundred thousand rows would take longer than one text.
    listed = connection.execute(database.queries()["list_names"], {"folder": folder}).fetchone()
    read = set(listed[0].split("/")) - {""}
    names = nofollow.names(layout.runr / folder)
    new = [name for name in names if name not in read]
    in_turn = _rows(connection, "list_turn", folder, turn, TURN)
    known = in_turn | _rows(connection, "list_unsettled", folder)
    for name in read & set(noted):
        known |= _rows(connection, "mark", f"{folder}/{name}")
    # Mostly none is, which their number shows.
    lost = read.difference(names) if len(read) + len(new) > len(names) else ()
    gone = {(f"{folder}/{name}", 0, 0) for name in lost}
    there = set(marks(layout, folder, {*new, *_names(known)}))
    following = max(_names(in_turn)) if 0 < len(in_turn) == TURN else ""
    return _Seen(known | gone, there, len(names), following)


def _names(rows: Iterable[tuple[str, int, int]]) -> list[str]:
    return [_name(path) for path, _, _ in rows]


def _name(path: str) -> str:
    return path.partition("/")[2]


def _changed_ns(layout: Layout, folder: str) -> int | None:
    try:
        return nofollow.stat(layout.runr / folder).st_ctime_ns
    except OSError:
        return None


def _looked_at(connection: "sqlite3.Connection", folder: str) -> LookedAt | None:
    row = connection.execute(database.queries()["folder"], (folder,)).fetchone()
    return LookedAt(*row) if row else None


def _rows(
    connection: "sqlite3.Connection", query: str, *values: str | int
) -> set[tuple[str, int, int]]:
    return set(connection.execute(database.queries()[query], values))
