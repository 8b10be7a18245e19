"""The commits that may say something about a task, remembered so that no history is read twice."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runr.core.inference import Trace
from runr.store import db
from runr.store.layout import Layout

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is remembered of the history that leads to `tip`; the latest trace comes first."""

    tip: str | None = None
    titles: frozenset[str] = frozenset()
    traces: tuple[Trace, ...] = ()


def recall(layout: Layout, reader: str, about: str = "") -> Memory:
    """Return what `reader` has left here, with `about` in it; nothing if it was another one."""
    return db.use(layout, lambda database: _recall(database, reader, about), now_ns=time.time_ns())


def keep(
    layout: Layout,
    reader: str,
    seen: Memory,
    now: Memory,
    *,
    gone: Sequence[str] | None,
) -> None:
    """Add the traces of `now`, unless somebody has changed what was `seen` meanwhile.

    `gone` are the commits to forget; None forgets all that was seen.
    """

    def work(database: "sqlite3.Connection") -> None:
        queries = db.queries()
        with db.writing(database):
            if _tip(database, reader) != seen.tip:
                return
            if gone is None:
                database.execute(queries["clear_traces"])
            database.executemany(queries["delete_trace"], [(sha,) for sha in gone or ()])
            place = int(database.execute(queries["last_trace_place"]).fetchone()[0])
            rows = [
                (number, each.sha, " ".join(each.parents), each.tree, each.time, each.message)
                for number, each in enumerate(reversed(now.traces), place + 1)
            ]
            database.executemany(queries["put_trace"], rows)
            titles = json.dumps(sorted(now.titles))
            database.execute(queries["put_traces_read"], (now.tip, reader, titles))

    db.use(layout, work, now_ns=time.time_ns())


def _recall(database: "sqlite3.Connection", reader: str, about: str) -> Memory:
    # One statement sees one state; two need a transaction around them.
    database.execute("BEGIN")
    row = database.execute(db.queries()["traces_read"]).fetchone()
    listed = database.execute(db.queries()["list_traces"], (about,)).fetchall()
    database.execute("COMMIT")
    if row is None or row[1] != reader:
        return Memory()
    traces = tuple(
        Trace(sha=sha, parents=tuple(parents.split()), tree=tree, time=time, message=message)
        for sha, parents, tree, time, message in listed
    )
    return Memory(tip=row[0], titles=frozenset(json.loads(row[2])), traces=traces)


def _tip(database: "sqlite3.Connection", reader: str) -> str | None:
    row = database.execute(db.queries()["traces_read"]).fetchone()
    return row[0] if row and row[1] == reader else None
