"""Read the rows of a period: those of its time, its tasks, workers and job run."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from runr.history import database
from runr.history.figures import ChangeRow, CompletionRow, FirstRow, FlakyRow, UsedRow, WorkedRow
from runr.history.period import Period
from runr.runs.model import Usage

if TYPE_CHECKING:
    import sqlite3


#: As many completions, waiting tasks and checks are in a report.
MOST = 50


class Facts(NamedTuple):
    """What the database says of a period; `first` counts first verifications by their result."""

    changes: list[ChangeRow]
    #: The latest ones, oldest first.
    completions: list[CompletionRow]
    first: dict[str, int]
    attempts: int
    used: list[UsedRow]
    worked: list[WorkedRow]
    first_by_worker: list[FirstRow]
    flaky: list[FlakyRow]
    landed: int
    #: When each task was last reset, also after the period.
    resets: Mapping[str, str]
    unconfirmed: int
    #: Tasks whose completion from before the period was not reset before it.
    completed_before: frozenset[str] = frozenset()
    #: Those of a job run; None for all.
    tasks: frozenset[str] | None = None


def gather(connection: "sqlite3.Connection", wanted: Period) -> Facts:
    """Read the rows of a period."""
    ((passed, failed),) = rows_of(connection, "period_first_verifications", wanted)
    before = rows_of(connection, "period_completed_before", wanted)
    completions = reversed(rows_of(connection, "period_completions", wanted))
    return Facts(
        changes=list(map(ChangeRow._make, rows_of(connection, "period_changes", wanted))),
        completions=[CompletionRow(*row) for row in completions],
        first={name: n for name, n in (("passed", passed), ("failed", failed)) if n},
        attempts=rows_of(connection, "period_attempts", wanted)[0][0],
        used=usage_of(connection, wanted),
        worked=[
            WorkedRow(*row) for row in rows_of(connection, "period_attempts_by_worker", wanted)
        ],
        first_by_worker=[
            FirstRow(*row) for row in rows_of(connection, "period_first_by_worker", wanted)
        ],
        flaky=[FlakyRow(*row) for row in rows_of(connection, "period_flaky_checks", wanted)],
        landed=rows_of(connection, "period_landings", wanted)[0][0],
        resets=dict(rows_of(connection, "period_last_resets", wanted)),
        unconfirmed=rows_of(connection, "period_unconfirmed", wanted)[0][0],
        completed_before=frozenset(task for (task,) in before),
        tasks=_job_tasks(connection, wanted.job_run_id) if wanted.job_run_id else None,
    )


def _job_tasks(connection: "sqlite3.Connection", job_run_id: str) -> frozenset[str]:
    listed = connection.execute(database.queries()["job_tasks"], {"job": job_run_id})
    return frozenset(task for (task,) in listed)


def rows_of(connection: "sqlite3.Connection", name: str, wanted: Period) -> list[Any]:
    """Return what the query of this name finds in a period."""
    named = {
        "since": wanted.since,
        "until": wanted.until,
        "job": wanted.job_run_id,
        "workers": json.dumps(wanted.workers) if wanted.workers else None,
        "tasks": None if wanted.tasks is None else json.dumps(sorted(wanted.tasks)),
        "most": MOST,
    }
    return connection.execute(database.queries()[name], named).fetchall()


def usage_of(connection: "sqlite3.Connection", wanted: Period) -> list[UsedRow]:
    """Return what was used in a period, by worker and model."""
    return [
        UsedRow(worker, model, runs, Usage(*used))
        for worker, model, runs, *used in rows_of(connection, "period_usages", wanted)
    ]
