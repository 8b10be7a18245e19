"""Render lists of jobs for a terminal: what there is, and what fires next."""

from __future__ import annotations  # what is rendered is loaded only where it was made

from datetime import datetime
from typing import TYPE_CHECKING

from runr.cli.console import (
    column_width,
    render_counts,
    render_next_steps,
    status_label,
    style,
    wrap,
)
from runr.tasks.model import short_name
from runr.text import pad, pluralize, printable

if TYPE_CHECKING:
    from runr.jobs.listing import JobList, JobStep, JobSummary, JobTask
    from runr.jobs.problems import JobProblem
    from runr.jobs.recent import RecentJob
    from runr.jobs.scheduler import FiredJob, Firings
    from runr.jobs.upcoming import Upcoming

_RUN_SIGNS = {
    "running": ("●", "blue"),
    "completed": ("✓", "green"),
    "paused": ("○", "yellow"),
    "stopped": ("■", "yellow"),
}
#: How many tasks of a step are listed.
_TASKS = 8


def render_list(answer: JobList) -> str:
    """Return each job with its steps and tasks, and the error of those that cannot be used."""
    if not answer.jobs:
        return "\n".join(["No jobs in .runr/jobs/.", *render_next_steps(answer.next_steps)])
    width = column_width([job.name for job in answer.jobs])
    lines = [line for job in answer.jobs for line in _job(job, width)]
    return "\n".join(["Jobs in .runr/jobs/:", *lines])


def _job(job: JobSummary, width: int) -> list[str]:
    name = pad(printable(job.name), width)
    if job.error is not None:
        return wrap(f"  {style('✗', fg='red')} {name}  ", printable(job.error), 6)
    counts = render_counts(job.counts) if job.counts else "no task"
    size = f"{pluralize(job.track_count, 'track')}, {counts}"
    next_at = f", next {_moment(job.next_at)}" if job.next_at else ""
    schedule = f"schedule {printable(job.schedule)}{next_at}" if job.schedule else ""
    lines = [*wrap(f"  ○ {name}  ", size, 6)]
    for text in filter(None, (printable(job.description), schedule)):
        lines += wrap(" " * 6, text, 6)
    return lines + [line for step in job.steps for line in _step(job, step)]


def _step(job: JobSummary, step: JobStep) -> list[str]:
    """Return a step with the states of its tasks, and what comes before each."""
    tasks = [task for task in job.tasks if task.step == step.name]
    shown = [_planned(task) for task in tasks[:_TASKS]]
    more = [f"and {len(tasks) - _TASKS} more"] if len(tasks) > _TASKS else []
    after = f", after {' and '.join(map(printable, step.depends_on))}" if step.depends_on else ""
    when = "" if step.when == "succeeded" else f", when {step.when}"
    said = ", ".join([*shown, *more]) or "no task"
    return wrap(" " * 6, f"{printable(step.name)}{after}{when}: {said}", 8)


def _planned(task: JobTask) -> str:
    behind = f", after {' and '.join(map(_name, task.depends_on))}" if task.depends_on else ""
    return f"{_name(task.path)} ({status_label(task.status)}{behind})"


def _moment(time: str) -> str:
    return f"{datetime.fromisoformat(time).astimezone():%a %Y-%m-%d %H:%M}"


def render_upcoming(answer: Upcoming) -> str:
    """Return when jobs fire next, then the tasks that are ready."""
    lines = ["Jobs:" if answer.firings else "No job has a schedule."]
    if answer.next_at:
        later = _moment(answer.next_at)
        lines = [f"No job fires until then; the next one does on {later}."]
    width = column_width([each.job for each in answer.firings])
    for each in answer.firings:
        at = _moment(each.at)
        states = render_counts(each.counts) if each.counts else "no task"
        shown = printable(each.error) if each.error else states
        begin = f"  {at}  {pad(printable(each.job), width)}  "
        lines += wrap(begin, f"{each.schedule}, {shown}", 6)
    for job, last in answer.left_off.items():
        at = f"{datetime.fromisoformat(last).astimezone():%Y-%m-%d %H:%M}"
        lines.append(f"  … {printable(job)} fires after {at}, too: that is left off, as too many")
    lines += map(_problem, answer.problems)
    lines += [line for job in answer.running for line in recent_job(job)]
    lines += wrap("Ready: ", ", ".join(map(_name, answer.ready_paths)) or "no task", 2)
    if answer.landing_paths:
        lines += wrap("Waiting to land: ", ", ".join(map(_name, answer.landing_paths)), 2)
        lines += render_next_steps(answer.next_steps[:1])
    return "\n".join(lines)


def recent_job(job: RecentJob) -> list[str]:
    """Return a job run in short: how far it is, or how it ended, and what shows more."""
    sign, colour = _RUN_SIGNS.get(job.status, ("✗", "red"))
    when = f" {datetime.fromisoformat(job.ended_at).astimezone():%a %H:%M}" if job.ended_at else ""
    counts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in job.counts.items())
    waits = "".join(
        f"; {worker} waits until {datetime.fromisoformat(until).astimezone():%H:%M}"
        for worker, until in job.waits_until.items()
    )
    said = f"job {job.job} {job.status}{when}, {counts}{waits}: {job.next_step}"
    return wrap(f"{style(sign, fg=colour)} ", printable(said), 4)


def render_firings(answer: Firings) -> str:
    """Return what was due, and when the next job fires."""
    lines = [*map(firing_line, answer.fired)] or ["No job is due."]
    lines += map(_problem, answer.problems)
    if answer.next_at:
        lines.append(f"next: {datetime.fromisoformat(answer.next_at).astimezone():%a %H:%M}")
    return "\n".join([*lines, *render_next_steps(answer.next_steps)])


def scheduler_lines(answer: Firings) -> list[str]:
    """Return what a scheduler says while it runs: jobs that cannot be used, and what was due."""
    return [*map(_problem, answer.problems), *map(firing_line, answer.fired)]


def _problem(each: JobProblem) -> str:
    return f"  {style('✗', fg='red')} {printable(each.job)}  {printable(each.text)}"


def firing_line(each: FiredJob) -> str:
    """Return a firing and what became of it."""
    at = f"{datetime.fromisoformat(each.at).astimezone():%Y-%m-%d %H:%M}"
    started = f"job run {each.job_run_id}" if each.job_run_id else "would start"
    what = f"not started: {each.skipped}" if each.skipped else started
    return f"{at} {printable(each.job)}: {printable(what)}"


def _name(path: str) -> str:
    return printable(short_name(path))
