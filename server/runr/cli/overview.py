"""What `runr status` prints: the overview, or a page of one of its parts."""

import shlex
from functools import partial
from typing import Literal

from runr.cli import console, render_job_lists
from runr.cli.app import Invocation
from runr.cli.console import style
from runr.cli.history import local_time
from runr.history import overview, recent, task_parts
from runr.history.figures import WorkerUsage
from runr.history.overview import Overview
from runr.history.paging import Page
from runr.history.recent import ActivityDay, ActivityDays, Landing, LandingPage, UsagePage
from runr.history.task_parts import OverviewPart, OverviewTask, Part, TaskCounts
from runr.tasks.model import short_name
from runr.text import flat, pad, pluralize, printable

_TITLES: dict[Part, str] = {
    "done": "Done since yesterday",
    "running": "Running",
    "waiting": "Waiting for a person",
    "stopped": "Stopped",
    "stale": "Stale",
}
#: As many tasks of each kind are shown; --json has more.
_SHOWN, _FEWEST = 6, 2
#: As many running jobs.
_JOBS = 2


Shown = Part | Literal["counts", "activity", "landings", "usage"]


def show(invocation: Invocation, wanted: Shown | None, page: Page) -> None:
    """Print what is done, running, waiting, stopped and stale, or a page of one part."""
    project = invocation.project()
    match wanted:
        case None:
            invocation.show(overview.overview(project), render_overview)
        case "counts":
            invocation.show(task_parts.count_tasks(project), _render_counts)
        case "activity":
            invocation.show(recent.activity(project, page), _render_activity)
        case "landings":
            invocation.show(recent.landings(project, page), _render_landings)
        case "usage":
            invocation.show(recent.usage(project, page), _render_usage)
        case _:
            found = task_parts.find_part(project, wanted, page)
            invocation.show(found, partial(_render_part, part=wanted))


def _render_counts(answer: TaskCounts) -> str:
    evidence = (f"  {name.replace('_', ' ')}: {number}" for name, number in answer.evidence.items())
    lines = [console.render_counts(answer.counts)] if answer.total_count else ["No tasks."]
    lines += ["Completed, by evidence:", *evidence] if answer.evidence else []
    return "\n".join([*lines, *console.render_next_steps(answer.next_steps)])


def _render_part(answer: OverviewPart, part: Part) -> str:
    title = _TITLES[part]
    if not answer.count:
        return f"{title}: none"
    lines = _overview_part(f"{title}, {answer.count}", answer, part, len(answer.tasks))
    return "\n".join([*lines[: len(answer.tasks) + 1], *_more(part, answer.next_cursor)])


def _render_activity(answer: ActivityDays) -> str:
    lines = [_activity(each) for each in answer.days]
    return "\n".join(
        [*(lines or ["Nothing has happened yet."]), *_more("activity", answer.next_cursor)]
    )


def _activity(day: ActivityDay) -> str:
    counts = (
        (day.completed_count, "completed"),
        (day.stopped_count, "stopped"),
        (day.failed_count, "failed"),
    )
    said = ", ".join(f"{number} {word}" for number, word in counts if number)
    return f"  {day.day}  {said or '-'}"


def _render_landings(answer: LandingPage) -> str:
    lines = [_landing(each) for each in answer.landings]
    return "\n".join(
        [*(lines or ["Nothing has landed yet."]), *_more("landings", answer.next_cursor)]
    )


def _landing(each: Landing) -> str:
    name = printable(short_name(each.task_path)) if each.task_path else f"job run {each.job_run_id}"
    facts = f"on {printable(each.target)}  commit {each.commit_sha[:12]}  by {flat(each.by)}"
    return f"  {local_time(each.time)}  {name}  {facts}"


def _render_usage(answer: UsagePage) -> str:
    lines = [f"Since {local_time(answer.since)}: {_used(answer.cost_usd, answer)}"]
    for each in answer.usage:
        name = printable(" ".join(filter(None, (each.worker, each.model))))
        lines.append(f"  {name}: {_used(each.cost_usd, each)}, {pluralize(each.runs, 'run')}")
    return "\n".join([*lines, *_more("usage", answer.next_cursor)])


def _used(cost_usd: float | None, used: UsagePage | WorkerUsage) -> str:
    cost = "" if cost_usd is None else f"${cost_usd:.2f}, "
    return f"{cost}{used.input_tokens + used.output_tokens:,} tokens"


def _more(part: Shown, cursor: str | None) -> list[str]:
    if cursor is None:
        return []
    return [f"  … runr status --show {part} --cursor {shlex.quote(cursor)} shows more"]


def render_overview(answer: Overview) -> str:
    """Return the overview on one screen: a section for each kind that there is."""
    if not answer.total_count:
        return "\n".join(["No tasks.", *console.render_next_steps(answer.next_steps)])
    lines = [console.render_counts(answer.counts)]
    known = [*answer.running_jobs[:_JOBS], *filter(None, [answer.last_job])]
    jobs = [line for job in known for line in render_job_lists.recent_job(job)]
    if (more := len(answer.running_jobs) - _JOBS) > 0:
        jobs.append(f"  … and {pluralize(more, 'more running job')}")
    lines += jobs
    for part, title in _TITLES.items():
        found: OverviewPart = getattr(answer, part)
        # Jobs take the room of tasks that are done: all is to fit on one screen.
        shown = max(_FEWEST, _SHOWN - len(jobs)) if part == "done" else _SHOWN
        lines += _overview_part(title, found, part, shown) if found.count else []
    lines += _week(answer.activity)
    if answer.cost_usd is not None or answer.input_tokens:
        lines.append(f"Cost since yesterday: {_used(answer.cost_usd, answer.usage)}")
    lines += [f"  {style('note', fg='yellow')}: {note}" for note in answer.notes]
    return "\n".join([*lines, *console.render_next_steps(answer.next_steps)])


def _week(activity: ActivityDays) -> list[str]:
    days = activity.days
    completed = sum(day.completed_count for day in days)
    stopped = sum(day.stopped_count + day.failed_count for day in days)
    if not completed + stopped:
        return []
    return [f"In the last {overview.DAYS} days: {completed} completed, {stopped} stopped"]


def _overview_part(title: str, part: OverviewPart, kind: Part, most: int) -> list[str]:
    shown = part.tasks[:most]
    width = console.column_width(_shown_name(task) for task in shown)
    lines = [f"{title}:"]
    for task in shown:
        name, when = _shown_name(task), local_time(task.since or "") or "-"
        row = f"  {_overview_sign(task, kind)} {pad(name, width)}  {when:16}"
        lines.append(console.cut_row(f"{row}  {_overview_facts(task, kind)}".rstrip(), name))
    if part.count > len(shown):
        lines.append(f"  … and {part.count - len(shown)} more")
    return lines


def _shown_name(task: OverviewTask) -> str:
    return printable(short_name(task.path))


def _overview_sign(task: OverviewTask, kind: Part) -> str:
    if task.unmerged:
        return console.sign_of("unmerged")
    if kind in ("done", "stale"):
        return console.evidence_sign(task.evidence)
    return console.sign_of({"waiting": "pending", "running": "in_progress"}.get(kind, kind))


def _overview_facts(task: OverviewTask, kind: Part) -> str:
    run = f"run {task.run_id}" if task.run_id else ""
    why = flat(task.why or "")
    facts = {
        "done": [
            (task.evidence or "no evidence").replace("_", " "),
            f"by {flat(task.by)}" if task.by else "",
            style("not on this branch", fg="yellow") if task.unmerged else "",
            style("stale", fg="yellow") if task.stale else "",
        ],
        "running": [run],
        "stale": [why],
    }.get(kind, [task.stop_reason or "", f"({why})" if task.stop_reason and why else why])
    gone = style("task file missing", fg="yellow") if task.orphaned else ""
    return "  ".join(filter(None, [*facts, gone]))
