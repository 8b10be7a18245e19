"""What happened in a period, as figures: the same for the terminal, Markdown and JSON."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from runr.clock import HERE
from runr.errors import DamagedStateError
from runr.history import activity, added_tasks, database, figures, index, period
from runr.history.activity import Activity, Moments
from runr.history.figures import (
    ChangeRow,
    CompletionRow,
    FlakyCheck,
    Rate,
    Spread,
    WorkerRates,
    WorkerUsage,
)
from runr.history.period import Period
from runr.history.period_rows import MOST, Facts, gather
from runr.project import Project
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState

if TYPE_CHECKING:
    import sqlite3

_FLAKY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A completion in the period; `stale` where it has become so since.

    It was `reset` since, or its work is `unmerged`, that is not on this branch.
    """

    task_path: str
    time: str
    evidence: str | None
    by: str
    run_id: str
    commit_sha: str | None
    stale: bool = False
    reset: bool = False
    unmerged: bool = False


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

    `completed_count` is of completions that hold: those that were reset since, or whose work is
    not on this branch, are counted apart. `lead_seconds` are from the first start of a task, since
    its completion or reset before, to its completion, `run_seconds` how long the run that completed
    it worked. `first_pass` counts the runs whose first verification passed.
    `task_count` is of all tasks that there are now. `activity_by_day` is there where `activity` is
    by week, for at most a year. `completions` and `waiting` have the latest and the longest; the
    counts are of all.
    `unconfirmed_runs` are no evidence, and in no other figure.
    """

    since: str
    until: str
    tags: list[str] = field(default_factory=list)
    workers: list[str] = field(default_factory=list)
    job_run_id: str | None = None
    completed_count: int
    completed_by_evidence: dict[str, int]
    reset_since_count: int = 0
    unmerged_count: int = 0
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
    rates: list[WorkerRates] = field(default_factory=list)
    flaky_checks: list[FlakyCheck]
    activity: Activity
    activity_by_day: Activity | None = None
    task_count: int = 0
    completions: list[Completion]
    waiting: list[Waiting] = field(default_factory=list)
    unconfirmed_runs: int = 0


class _Lasting(NamedTuple):
    """Which completions still hold and on what evidence, and which tasks are stale.

    `rewritten` has the time and the evidence of completions whose commit is another one now.
    """

    stale: frozenset[str]
    unmerged: frozenset[str]
    resets: Mapping[str, str]
    rewritten: Mapping[str, tuple[str, str]]

    def was_reset(self, row: ChangeRow | CompletionRow) -> bool:
        return row.time < self.resets.get(row.task, "")

    def is_unmerged(self, row: ChangeRow | CompletionRow) -> bool:
        return row.task in self.unmerged and not self.was_reset(row)

    def evidence_of(self, row: ChangeRow | CompletionRow) -> str | None:
        """Return the evidence as of now, which is weaker where the commit was rewritten."""
        completed_at, evidence = self.rewritten.get(row.task, ("", ""))
        is_latest = bool(completed_at) and _second(row.time) >= _second(completed_at)
        return evidence if is_latest else row.evidence

    def of(self, changes: Sequence[ChangeRow]) -> list[ChangeRow]:
        """Return the changes without the completions that no longer hold."""
        if not (self.resets or self.unmerged or self.rewritten):
            return list(changes)
        return [
            row._replace(evidence=self.evidence_of(row)) if row.task in self.rewritten else row
            for row in changes
            if row.change != "completed" or not (self.was_reset(row) or self.is_unmerged(row))
        ]


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
    wanted = period.make(
        since,
        until,
        project.clock().astimezone(HERE),
        workers=workers,
        tasks=_tagged(snapshot, tags),
    )
    return _of(project, snapshot, wanted, tags)


def report_job(
    project: Project, job: str, *, tags: Sequence[str] = (), workers: Sequence[str] = ()
) -> PeriodReport:
    """Return what happened in a job run: one by its id, or the latest of a job by its name."""
    # A report of a period need not wait for it.
    from runr.jobs import journal  # noqa: PLC0415 - see above

    job_run_id = journal.find(project.layout, job).id
    found = index.ask(project, lambda rows: _job_time(rows, job_run_id))
    if found is None:
        raise DamagedStateError(f"the journal of job run {job_run_id} cannot be read")
    begun, ended, latest = found
    snapshot = Snapshot.of(project)
    until = _just_after(latest) if ended else period.written(project.clock())
    wanted = Period(begun, until, tuple(workers), _tagged(snapshot, tags), job_run_id)
    return _of(project, snapshot, wanted, tags)


def _job_time(connection: "sqlite3.Connection", job_run_id: str) -> Any:
    return connection.execute(database.queries()["job_time"], (job_run_id,)).fetchone()


def _just_after(time: str) -> str:
    return period.written(datetime.fromisoformat(time) + timedelta(milliseconds=1))


def _tagged(snapshot: Snapshot, tags: Sequence[str]) -> frozenset[str] | None:
    if not tags:
        return None
    return frozenset(task.path for task in snapshot.tasks if set(tags) & set(task.tags))


def _of(project: Project, snapshot: Snapshot, wanted: Period, tags: Sequence[str]) -> PeriodReport:
    facts = index.ask(project, lambda rows: gather(rows, wanted))
    states = snapshot.task_states()
    lasting = _Lasting(
        stale=frozenset(path for path, state in states.items() if state.stale),
        unmerged=frozenset(path for path, state in states.items() if state.unmerged),
        resets=facts.resets,
        rewritten={
            path: (state.entry.completed_at or "", state.entry.evidence.value)
            for path, state in states.items()
            if state.rewritten and state.entry.evidence
        },
    )
    meant = [
        state
        for path, state in states.items()
        if (wanted.tasks is None or path in wanted.tasks)
        and (facts.tasks is None or path in facts.tasks)
    ]
    now = project.clock()
    tasks = {state.path for state in meant if not state.orphaned}
    moments = activity.moments(
        lasting.of(facts.changes),
        tasks,
        added_tasks.times(project, wanted, tasks),
        facts.completed_before - lasting.unmerged - lasting.resets.keys(),
    )
    answer = _report(
        facts, wanted, min(datetime.fromisoformat(wanted.until), now), lasting, moments
    )
    return replace(
        answer,
        tags=list(tags),
        task_count=len(tasks),
        waiting=waiting_longest(meant, now)[:MOST],
    )


def _report(
    facts: Facts, wanted: Period, end: datetime, lasting: _Lasting, moments: Moments
) -> PeriodReport:
    counts = Counter(row.change for row in facts.changes)
    made = [row for row in facts.changes if row.change == "completed"]
    completed = lasting.of(made)
    since_reset = sum(lasting.was_reset(row) for row in made) if lasting.resets else 0
    stopped = [row for row in facts.changes if row.change in ("stopped", "failed")]
    outdated = [row for row in completed if row.task in lasting.stale]
    usage = figures.by_worker(facts.used)
    worked = [row for row in made if row.lead_seconds is not None]
    parts = activity.activity(moments, end)
    days = activity.activity(moments, end, activity.YEAR) if parts.days > 1 else parts
    return PeriodReport(
        since=wanted.since,
        until=wanted.until,
        workers=list(wanted.workers),
        job_run_id=wanted.job_run_id,
        completed_count=len(completed),
        completed_by_evidence=dict(figures.evidence_counts(completed)),
        reset_since_count=since_reset,
        unmerged_count=len(made) - len(completed) - since_reset,
        stale_count=len({row.task for row in outdated}),
        stale_by_evidence=dict(figures.evidence_counts(outdated)),
        stopped_count=counts["stopped"],
        failed_count=counts["failed"],
        reset_count=counts["reset"],
        landed_count=facts.landed,
        stop_reasons=figures.most_frequent(row.stop_reason or "error" for row in stopped),
        lead_seconds=figures.spread([row.lead_seconds or 0 for row in worked]),
        run_seconds=figures.spread([row.run_seconds for row in worked]),
        first_pass=figures.rate(facts.first.get("passed", 0), sum(facts.first.values())),
        attempt_count=facts.attempts,
        cost_usd=figures.cost(usage),
        usage=usage,
        rates=figures.rates(facts.worked, facts.first_by_worker, facts.used),
        flaky_checks=figures.flaky(facts.flaky, _FLAKY),
        activity=parts,
        activity_by_day=days if parts.days > 1 and days.days == 1 else None,
        completions=[_completion(row, lasting) for row in facts.completions],
        unconfirmed_runs=facts.unconfirmed,
    )


def _second(time: str) -> str:
    """Return a time to the second, as status entries have it."""
    return time[:19]


def _completion(row: CompletionRow, lasting: _Lasting) -> Completion:
    return Completion(
        task_path=row.task,
        time=row.time,
        evidence=lasting.evidence_of(row),
        by=row.actor,
        run_id=row.run_id,
        commit_sha=row.commit_sha,
        stale=row.task in lasting.stale,
        reset=lasting.was_reset(row),
        unmerged=lasting.is_unmerged(row),
    )


def waiting_longest(states: Iterable[TaskState], now: datetime) -> list[Waiting]:
    """Return which tasks wait for a person, the longest first."""
    found = []
    for state in states:
        if state.needs_human:
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
