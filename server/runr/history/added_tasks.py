"""When tasks came into the branch: read from git once, and then only what is new on the branch."""

import json
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from runr.git import added_files
from runr.history import period
from runr.history.period import Period
from runr.project import Project
from runr.storage import database, sqlite_file
from runr.storage.layout import TASKS

if TYPE_CHECKING:
    import sqlite3

_NAME = "added tasks"


class _Known(NamedTuple):
    """The seconds at which each path was added up to a commit, of those added since a moment."""

    tip: str
    since: float
    added: Mapping[str, float]


def times(project: Project, wanted: Period, tasks: Collection[str]) -> list[str]:
    """Return when each of the tasks was added that was not there before the period.

    A task that is in no commit is as new as can be.
    """
    tip = project.tip()
    if tip is None:
        return []
    since = datetime.fromisoformat(wanted.since).timestamp()
    committed = added_files.tracked(project.repo, tip, TASKS)
    added = _added(project, tip, since)
    found = [added[path] for path in tasks if path in added and added[path] >= since]
    now = period.written(project.clock())
    return [
        *(period.written(datetime.fromtimestamp(each, UTC)) for each in found),
        *(now for path in tasks if path not in committed),
    ]


def _added(project: Project, tip: str, since: float) -> Mapping[str, float]:
    before = _read(project)
    known = before if before and before.since <= since else _Known(tip="", since=since, added={})
    if known.tip == tip:
        return known.added
    if known.tip and not project.repo.is_ancestor(known.tip, tip):
        known = known._replace(tip="", added={})
    moment = datetime.fromtimestamp(known.since, UTC)
    new = added_files.added_since(project.repo, tip, TASKS, moment, known=known.tip or None)
    # What was removed and added again is as old as it was.
    known = _Known(tip, known.since, {p: t.timestamp() for p, t in new.items()} | {**known.added})
    _keep(project, known)
    return known.added


def _read(project: Project) -> _Known | None:
    def find(rows: "sqlite3.Connection") -> tuple[str] | None:
        found: tuple[str] | None = rows.execute(
            database.queries()["find_answer"], (_NAME, TASKS)
        ).fetchone()
        return found

    answer = database.connect(project.layout, find, now_ns=time.time_ns())
    return _Known(*json.loads(answer[0])) if answer else None


def _keep(project: Project, known: _Known) -> None:
    def put(rows: "sqlite3.Connection") -> None:
        with sqlite_file.writing(rows):
            rows.execute(database.queries()["put_answer"], (_NAME, TASKS, json.dumps(known)))

    database.connect(project.layout, put, now_ns=time.time_ns())
