"""Read the rows of a period: those of its time, its tasks, workers and job run."""

import json
from typing import TYPE_CHECKING, Any

from runr.history import database
from runr.history.figures import UsedRow
from runr.history.period import Period
from runr.runs.model import Usage

if TYPE_CHECKING:
    import sqlite3


def rows_of(connection: "sqlite3.Connection", name: str, wanted: Period) -> list[Any]:
    """Return what the query of this name finds in a period."""
    named = {
        "since": wanted.since,
        "until": wanted.until,
        "job": wanted.job_run_id,
        "workers": json.dumps(wanted.workers) if wanted.workers else None,
        "tasks": None if wanted.tasks is None else json.dumps(sorted(wanted.tasks)),
    }
    return connection.execute(database.queries()[name], named).fetchall()


def usage_of(connection: "sqlite3.Connection", wanted: Period) -> list[UsedRow]:
    """Return what was used in a period, by worker and model."""
    return [
        UsedRow(worker, model, runs, Usage(*used))
        for worker, model, runs, *used in rows_of(connection, "period_usages", wanted)
    ]
