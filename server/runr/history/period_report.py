"""What happened in a period, as figures: the same for the terminal, Markdown and JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from runr.history import database, figures, index, period
from runr.history.figures import (
    ChangeRow,
    FlakyCheck,
    FlakyRow,
    Rate,
    Spread,
    UsedRow,
    WorkerUsage,
)
from runr.history.period import Period
from runr.history.run_rows import seconds_between
from runr.project import Project
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.runs.model import Usage

if TYPE_CHECKING:
    import sqlite3

#: As many completions, waiting tasks and checks are in a report.
MOST = 50
_FLAKY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A completion in the period; `stale` where it has become so since."""

    task_path: str
    time: str
    evidence: str | None
    by: str
    run_id: str
    commit_sha: str | None
    stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A task that waits for a person now, and since when; `why` is its stop reason or type."""

    task_path: str
    since: str | None
    seconds: float | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodReport(Result):
    """The figures of a period; times are in UTC.

    `lead_seconds` are from the first start of a task to its completion, `run_seconds` how long the
    run that completed it worked. `first_pass` counts the runs whose first verification passed.
    `completions` and `waiting` have the latest and the longest; the counts are of all.
    `unconfirmed_runs` are no evidence, and in no other figure.
    """

    since: str
    until: str
    tags: list[str] = field(default_factory=list)
    workers: list[str] = field(default_factory=list)
    completed_count: int
    completed_by_evidence: dict[str, int]
    stale_count: int
    stale_by_evidence: dict[str, int]
    stopped_count: int
    failed_count: int
    reset_count: int
    landed_count: int
    stop_reasons: dict[str, int]
    lead_seconds: Spread
    run_seconds: Spread
    first_pass: Rate
    attempt_count: int
    cost_usd: float | None
    usage: list[WorkerUsage]
    flaky_checks: list[FlakyCheck]
    completions: list[Completion]
    waiting: list[Waiting]
    unconfirmed_runs: int = 0


class Facts(NamedTuple):
    """What the database says of a period; `first` counts first verifications by their result."""

    changes: list[ChangeRow]
    first: dict[str, int]
    attempts: int
    used: list[UsedRow]
    flaky: list[FlakyRow]
    landed: int
    unconfirmed: int


def report(
    project: Project,
    since: str,
    until: str | None = None,
    *,
    tags: Sequence[str] = (),
    workers: Sequence[str] = (),
) -> PeriodReport:
    """Return what happened between two moments, to the tasks with a tag, by a worker."""
    snapshot = Snapshot.of(project)
    tagged = {task.path for task in snapshot.tasks if set(tags) & set(task.tags)}
    wanted = period.make(
        since,
        until,
        project.clock().astimezone(),
        workers=workers,
        tasks=frozenset(tagged) if tags else None,
    )
    facts = index.ask(project, lambda rows: gather(rows, wanted))
    stale = {path for path, state in snapshot.task_states().items() if state.stale}
    return _report(facts, wanted, tags, stale, _waiting(project, snapshot, wanted))


def gather(connection: "sqlite3.Connection", wanted: Period) -> Facts:
    """Read the rows of a period."""

    def meant(name: str) -> list[Any]:
        return [row for row in _rows(connection, name, wanted) if wanted.covers(row[0], row[1])]

    return Facts(
        changes=[ChangeRow(*row) for row in meant("period_changes")],
        first=dict(_rows(connection, "period_first_verifications", wanted)),
        attempts=_rows(connection, "period_attempts", wanted)[0][0],
        used=gather_usage(connection, wanted),
        flaky=[FlakyRow(*row) for row in meant("period_flaky_checks")],
        landed=_rows(connection, "period_landings", wanted)[0][0],
        unconfirmed=_rows(connection, "period_unconfirmed", wanted)[0][0],
    )


def gather_usage(connection: "sqlite3.Connection", wanted: Period) -> list[UsedRow]:
    """Read what was used in a period."""
    return [
        UsedRow(worker, model, runs, Usage(*used))
        for worker, model, runs, *used in _rows(connection, "period_usages", wanted)
    ]


def _rows(connection: "sqlite3.Connection", name: str, wanted: Period) -> list[Any]:
    named = {
        "since": wanted.since,
        "until": wanted.until,
        "workers": json.dumps(wanted.workers) if wanted.workers else None,
        "tasks": None if wanted.tasks is None else json.dumps(sorted(wanted.tasks)),
    }
    return connection.execute(database.queries()[name], named).fetchall()


def _report(
    facts: Facts, wanted: Period, tags: Sequence[str], stale: set[str], waiting: list[Waiting]
) -> PeriodReport:
    completed = [row for row in facts.changes if row.cause == "completed"]
    stopped = [row for row in facts.changes if row.cause == "stopped"]
    outdated = [row for row in completed if row.task in stale]
    usage = figures.by_worker(facts.used)
    lead = [seconds_between(row.begun_at, row.time) for row in completed if row.begun_at]
    return PeriodReport(
        since=wanted.since,
        until=wanted.until,
        tags=list(tags),
        workers=list(wanted.workers),
        completed_count=len(completed),
        completed_by_evidence=dict(figures.evidence_counts(completed)),
        stale_count=len({row.task for row in outdated}),
        stale_by_evidence=dict(figures.evidence_counts(outdated)),
        stopped_count=sum(row.status != "failed" for row in stopped),
        failed_count=sum(row.status == "failed" for row in stopped),
        reset_count=sum(row.cause == "reset" for row in facts.changes),
        landed_count=facts.landed,
        stop_reasons=figures.most_frequent(row.stop_reason or "error" for row in stopped),
        lead_seconds=figures.spread(lead),
        run_seconds=figures.spread([row.active_seconds for row in completed if row.begun_at]),
        first_pass=figures.rate(facts.first.get("passed", 0), sum(facts.first.values())),
        attempt_count=facts.attempts,
        cost_usd=figures.cost(usage),
        usage=usage,
        flaky_checks=figures.flaky(facts.flaky, _FLAKY),
        completions=[_completion(row, stale) for row in completed[-MOST:]],
        waiting=waiting[:MOST],
        unconfirmed_runs=facts.unconfirmed,
    )


def _completion(row: ChangeRow, stale: set[str]) -> Completion:
    return Completion(
        task_path=row.task,
        time=row.time,
        evidence=row.evidence,
        by=row.actor,
        run_id=row.run_id,
        commit_sha=row.commit_sha,
        stale=row.task in stale,
    )


def _waiting(project: Project, snapshot: Snapshot, wanted: Period) -> list[Waiting]:
    """Return the tasks that wait for a person now, of whatever worker, the longest first."""
    now = project.clock()
    found = []
    for state in snapshot.task_states().values():
        if state.needs_human and (wanted.tasks is None or state.path in wanted.tasks):
            since = state.entry.updated_at
            waited = now - datetime.fromisoformat(since) if since else timedelta()
            found.append(
                Waiting(
                    task_path=state.path,
                    since=since,
                    seconds=round(waited.total_seconds(), 1) if since else None,
                    why=state.entry.stop_reason or state.task.type.value,
                )
            )
    return sorted(found, key=lambda each: (-(each.seconds or 0), each.task_path))
