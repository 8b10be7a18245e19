"""Runs with what they used: of all tasks or of one, ever or since a time."""

from dataclasses import replace
from typing import TYPE_CHECKING

from runr.clock import HERE
from runr.errors import DamagedStateError
from runr.history import database, figures, index, period, period_rows
from runr.history.figures import WorkerUsage
from runr.history.period import Period
from runr.lifecycle import runs as lifecycle_runs
from runr.project import Project
from runr.query.detail_models import RunList

if TYPE_CHECKING:
    import sqlite3

#: Later than every time of a journal.
_NEVER = "9999"


def list_runs(
    project: Project, *, limit: int | None = 20, task: str | None = None, since: str | None = None
) -> RunList:
    """Return the latest runs, newest first, that had not ended at `since`, as a user writes it.

    What was used is that of the report about the same time.
    """
    path = project.find_task(task, project.tasks()).path if task else None
    begin = period.parse_moment(since, project.clock().astimezone(HERE)) if since else None
    wanted = Period(
        since=period.written(begin) if begin else "",
        until=_NEVER,
        tasks=frozenset((path,)) if path else None,
    )
    # What has died is recorded as stopped before the history is read.
    project.entries()
    try:
        ids, used = index.ask(project, lambda rows: _read(rows, wanted, path))
    except DamagedStateError as error:
        if path or begin:
            raise
        project.warn(f"the cost is not known: {error.message}")
        return lifecycle_runs.list_runs(project, limit=limit)
    found = lifecycle_runs.list_runs(project, limit=limit, among=ids if path or begin else None)
    return replace(
        found,
        since=wanted.since or None,
        cost_usd=figures.cost(used),
        input_tokens=sum(each.input_tokens for each in used),
        output_tokens=sum(each.output_tokens for each in used),
    )


def _read(
    rows: "sqlite3.Connection", wanted: Period, path: str | None
) -> tuple[set[str], list[WorkerUsage]]:
    found = rows.execute(
        database.queries()["list_run_ids"], {"task": path, "since": wanted.since}
    ).fetchall()
    return {run_id for (run_id,) in found}, figures.by_worker(period_rows.usage_of(rows, wanted))
