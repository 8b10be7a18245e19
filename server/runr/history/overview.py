"""What is done since yesterday, running, waiting, stopped and stale, what landed and what it cost.

Each part is a page that can be asked for alone: see `task_parts` and `recent`.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runr import nofollow
from runr.clock import HERE
from runr.errors import DamagedStateError
from runr.history import index, paging, period, recent, task_parts
from runr.history.paging import Page
from runr.history.recent import ActivityDays, LandingPage, UsagePage
from runr.history.task_parts import OverviewPart
from runr.jobs import recent as jobs
from runr.jobs.recent import RecentJob
from runr.project import Project
from runr.query.models import Result
from runr.query.snapshot import Snapshot

if TYPE_CHECKING:
    import sqlite3

#: As many days are in the overview, today among them.
DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview(Result):
    """The state of a repository on one screen; `counts` has each task once, as lists do.

    `since` is the beginning of yesterday for the user; the landings, the cost and the tokens are
    since then, the cost None where no worker reported any. `evidence` counts all completions.
    `last_job` is the job that ended, or was interrupted, last since then.
    """

    since: str
    done: OverviewPart
    running: OverviewPart
    waiting: OverviewPart
    stopped: OverviewPart
    stale: OverviewPart
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    usage: UsagePage
    landed: LandingPage
    activity: ActivityDays
    running_jobs: list[RecentJob] = field(default_factory=list)
    last_job: RecentJob | None = None
    total_count: int
    counts: dict[str, int]
    evidence: dict[str, int]
    notes: list[str] = field(default_factory=list)


def overview(project: Project) -> Overview:
    """Return the overview; the statuses are those that count, the rest is from the history."""
    snapshot, since = Snapshot.of(project), task_parts.yesterday(project)
    counted = task_parts.counted(project, snapshot)
    states = task_parts.sort_out(snapshot.task_states().values(), since)
    parts = {
        part: task_parts.of_states(part, found, Page(paging.USUAL))
        for part, found in states.items()
    }
    (used, landed, activity), notes = _history(project, task_parts.unmerged(snapshot))
    return Overview(
        since=period.written(since),
        done=parts["done"],
        running=parts["running"],
        waiting=parts["waiting"],
        stopped=parts["stopped"],
        stale=parts["stale"],
        cost_usd=used.cost_usd,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        usage=used,
        landed=landed,
        activity=activity,
        running_jobs=jobs.running(project),
        last_job=jobs.last(project, since),
        total_count=counted.total_count,
        counts=counted.counts,
        evidence=counted.evidence,
        notes=notes,
        next_steps=counted.next_steps,
    )


_Read = tuple[UsagePage, LandingPage, ActivityDays]


def _history(project: Project, unmerged: frozenset[str]) -> tuple[_Read, list[str]]:
    """Return what the history says since yesterday, and why that is not known."""
    now = project.clock()
    wanted = period.make("yesterday", None, now.astimezone(HERE))
    nothing = UsagePage(since=wanted.since), LandingPage(), ActivityDays()
    if not nofollow.exists(project.layout.runs):
        return nothing, []

    def read(rows: "sqlite3.Connection") -> _Read:
        return (
            recent.read_usage(rows, Page(), wanted),
            recent.read_landings(rows, Page(), wanted.since),
            recent.read_activity(rows, Page(DAYS), now, unmerged),
        )

    try:
        return index.ask(project, read), []
    except DamagedStateError as error:
        return nothing, [f"the cost is not known: {error.message}"]
