"""What has happened lately, page by page: activity by day, landings, and what workers used."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from runr.clock import HERE
from runr.history import database, figures, index, paging, period, period_rows, task_parts
from runr.history.figures import WorkerUsage
from runr.history.paging import Page
from runr.history.period import Period
from runr.project import Project
from runr.query.snapshot import Snapshot

if TYPE_CHECKING:
    import sqlite3

#: After every name and number of a row.
_LAST = "\U0010ffff", 2**62

#: The days that a page may end with.
_FIRST_YEAR, _LAST_YEAR = 1970, 9998


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityDay:
    """What happened on a day of the user's time zone; the completions are those that hold."""

    day: str
    completed_count: int = 0
    stopped_count: int = 0
    failed_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityDays:
    """Days in a row, the latest first, those without a change too."""

    days: list[ActivityDay] = field(default_factory=list)
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """Work of a run, or of a job as a whole, that got into a branch."""

    time: str
    target: str
    how: str
    commit_sha: str
    by: str
    task_path: str | None = None
    run_id: str | None = None
    job_run_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LandingPage:
    """Landings, the latest first."""

    landings: list[Landing] = field(default_factory=list)
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePage:
    """What workers used since a time, the most expensive first; the sums are of all."""

    since: str
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    count: int = 0
    usage: list[WorkerUsage] = field(default_factory=list)
    next_cursor: str | None = None


def activity(project: Project, page: Page) -> ActivityDays:
    """Return what happened on each day of a page, which ends today unless it has a cursor."""
    now, unmerged = project.clock(), task_parts.unmerged(Snapshot.of(project))
    return index.ask(project, lambda rows: read_activity(rows, page, now, unmerged))


def landings(project: Project, page: Page) -> LandingPage:
    """Return a page of what landed."""
    return index.ask(project, lambda rows: read_landings(rows, page))


def usage(project: Project, page: Page, since: str = "yesterday") -> UsagePage:
    """Return what each worker used since a time that a user wrote."""
    wanted = period.make(since, None, project.clock().astimezone(HERE))
    return index.ask(project, lambda rows: read_usage(rows, page, wanted))


def read_activity(
    rows: "sqlite3.Connection", page: Page, now: datetime, unmerged: Collection[str]
) -> ActivityDays:
    """Read the changes of a page of days, without completions that were reset or are `unmerged`."""
    after = (
        now.astimezone().date() + timedelta(days=1) if page.cursor is None else _day(page.cursor)
    )
    days = [after - timedelta(days=number) for number in range(1, page.limit + 1)]
    moments = {"since": _begin(days[-1]), "until": _begin(after)}
    counted = dict[str, tuple[int, int, int]]()
    named = moments | {"unmerged": json.dumps(sorted(unmerged))}
    for day, *counts in rows.execute(database.queries()["activity_by_day"], named):
        counted[day] = (counts[0], counts[1], counts[2])
    more = rows.execute(database.queries()["has_earlier_activity"], moments).fetchone()
    while days and more is None and days[-1].isoformat() not in counted:
        days.pop()
    return ActivityDays(
        days=[_activity(day.isoformat(), *counted.get(day.isoformat(), (0, 0, 0))) for day in days],
        next_cursor=days[-1].isoformat() if more else None,
    )


def read_landings(rows: "sqlite3.Connection", page: Page, since: str = "") -> LandingPage:
    """Read a page of what landed, from `since` on."""
    before, owner, seq = _landing_place(page.cursor)
    place = {"since": since, "until": before, "owner": owner, "seq": seq, "limit": page.limit + 1}
    found = rows.execute(database.queries()["recent_landings"], place).fetchall()
    shown, more = found[: page.limit], found[page.limit :]
    last = shown[-1] if more else None
    return LandingPage(
        landings=[_landing(row) for row in shown],
        next_cursor=f"{last[0]} {last[7] or last[8]} {last[9]}" if last else None,
    )


def read_usage(rows: "sqlite3.Connection", page: Page, wanted: Period) -> UsagePage:
    """Read a page of what was used in a period."""
    used = figures.by_worker(period_rows.usage_of(rows, wanted))
    shown, following = paging.cut(used, page, lambda each: f"{each.worker} {each.model}")
    return UsagePage(
        since=wanted.since,
        cost_usd=figures.cost(used),
        input_tokens=sum(each.input_tokens for each in used),
        output_tokens=sum(each.output_tokens for each in used),
        count=len(used),
        usage=list(shown),
        next_cursor=following,
    )


def _day(cursor: str) -> date:
    try:
        found = date.fromisoformat(cursor)
    except ValueError:
        raise paging.unknown_cursor(cursor) from None
    # A page before or after these is in no calendar.
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise paging.unknown_cursor(cursor)
    return found


def _begin(day: date) -> str:
    return period.written(datetime.combine(day, time(), HERE))


def _activity(day: str, completed: int, stopped: int, failed: int) -> ActivityDay:
    return ActivityDay(
        day=day, completed_count=completed, stopped_count=stopped, failed_count=failed
    )


def _landing_place(cursor: str | None) -> tuple[str, str, int]:
    if cursor is None:
        return _LAST[0], *_LAST
    moment, owner, number = [*cursor.split(" "), "", ""][:3]
    if not number.isdecimal():
        raise paging.unknown_cursor(cursor)
    return moment, owner, int(number)


def _landing(row: Sequence[Any]) -> Landing:
    moment, target, how, commit_sha, actor, reason, task, run_id, job_run_id, _ = row
    return Landing(
        time=moment,
        target=target,
        how=how,
        commit_sha=commit_sha,
        by=actor,
        task_path=task or None,
        run_id=run_id,
        job_run_id=job_run_id,
        reason=reason,
    )
