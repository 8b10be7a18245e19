"""Render jobs for a terminal."""

from __future__ import annotations  # what is rendered is loaded only where it was made

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from runr.cli.console import (
    column_width,
    cut,
    cut_row,
    render_counts,
    render_next_steps,
    style,
)
from runr.jobs.outcomes import reason
from runr.jobs.state import JobState, TaskProgress
from runr.jobs.views import JobRunDetails, JobRunTask
from runr.tasks.model import short_name
from runr.text import display_width, flat, format_duration, join_limited, pad, pluralize, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from runr.jobs.landing import JobLanding
    from runr.jobs.listing import JobList, JobSummary
    from runr.jobs.plan import JobPlan
    from runr.jobs.problems import JobProblem
    from runr.jobs.scheduler import FiredJob, Firings
    from runr.jobs.upcoming import Upcoming

#: How many tasks are named that another does not run beside.
_NAMED = 5
_SIGNS = {
    "completed": ("✓", "green"),
    "failed": ("✗", "red"),
    "running": ("●", "blue"),
    "starting": ("●", "blue"),
    "held": ("■", "yellow"),
    "skipped": ("-", None),
    "left_out": ("-", None),
    "waiting": ("○", None),
}


def render_list(answer: JobList) -> str:
    """Return one line for each job, and the error of those that cannot be read."""
    if not answer.jobs:
        return "\n".join(["No jobs in .runr/jobs/.", *render_next_steps(answer.next_steps)])
    width = column_width([job.name for job in answer.jobs])
    return "\n".join(["Jobs in .runr/jobs/:", *(_line(job, width) for job in answer.jobs)])


def _line(job: JobSummary, width: int) -> str:
    name = pad(printable(job.name), width)
    if job.error is not None:
        return f"  {style('✗', fg='red')} {name}  {printable(job.error)}"
    size = f"{pluralize(job.track_count, 'track')}, {pluralize(len(job.tasks), 'task')}"
    counts = f"  {render_counts(job.counts)}" if job.counts else ""
    next_at = f", next {_moment(job.next_at)}" if job.next_at else ""
    schedule = f"  {printable(job.schedule)}{next_at}" if job.schedule else ""
    about = f"  {style(printable(job.description), dim=True)}" if job.description else ""
    return cut_row(f"  ○ {name}  {size}{counts}{schedule}{about}", printable(job.name))


def render_started(answer: JobRunDetails) -> str:
    """Return the job run that has just been started."""
    tasks = pluralize(len(answer.tasks), "task")
    line = f"job run {answer.id} of {printable(answer.job)}: {tasks} on {answer.branch}"
    return "\n".join([line, *render_next_steps(answer.next_steps)])


def render_plan(answer: JobPlan) -> str:
    """Return what a job would do, and everything that would stop it."""
    at = f"on {answer.target}" if answer.target and answer.land == "each" else "on a branch"
    size = f"{pluralize(len(answer.tasks), 'task')} {at}, {answer.max_parallel} at a time"
    lines = [f"{printable(answer.job)}: {size}{_estimate(answer)}"]
    width = column_width([_name(task.path) for task in answer.tasks])
    for task in answer.tasks:
        after = ", ".join(map(_name, task.depends_on))
        beside = join_limited(list(map(_name, task.collides_with)), _NAMED)
        notes = [f"after {after}"] if after else []
        notes += [f"not beside {beside}"] if beside else []
        line = f"  {task.wave:>3}. {pad(_name(task.path), width)}  {task.worker}  "
        lines.append((line + style("; ".join(notes), dim=True)).rstrip())
    lines += [f"    - {_name(task)}: {flat(why)}" for task, why in answer.not_started.items()]
    for finding in answer.findings:
        is_error = finding.severity == "error"
        sign = style("✗", fg="red") if is_error else style("!", fg="yellow")
        lines.append(f"  {sign} {printable(finding.message)}")
        lines += [f"      {finding.next_step}"] if finding.next_step else []
    return "\n".join(lines)


def _estimate(answer: JobPlan) -> str:
    if answer.seconds is None:
        return ""
    cost = f" and ${answer.cost_usd:.2f}" if answer.cost_usd else ""
    return f"; about {format_duration(answer.seconds)}{cost}, as earlier runs took"


def render_status(answer: JobRunDetails) -> str:
    """Return a job run with all of its tasks."""
    lines = [f"{printable(answer.job)} ({answer.id}): {_headline(answer)}"]
    lines += map(_base_failure, answer.base_failures)
    lines += [f"  {failed}" for failed in answer.failed_hooks]
    width = column_width([_name(task.path) for task in answer.tasks])
    lines += [_task(task, width) for task in answer.tasks]
    lines += [
        f"  - {_name(path)}  not ready  {flat(why)}" for path, why in answer.not_ready.items()
    ]
    for worker, until in answer.waits_until.items():
        if answer.status == "running":
            lines.append(f"  {worker} waits until {_clock(until)}, then continues")
    return "\n".join([*lines, *render_next_steps(answer.next_steps)])


def _base_failure(sentence: str) -> str:
    return f"  {style('!', fg='yellow')} before any work is done, {flat(sentence)}"


def _headline(answer: JobRunDetails) -> str:
    counts = ", ".join(f"{count} {_words(status)}" for status, count in answer.counts.items())
    why = f": {flat(answer.reason)}" if answer.reason else ""
    return f"{answer.status}, {counts}{why}"


def _task(task: JobRunTask, width: int) -> str:
    sign, colour = _SIGNS.get(task.status, ("○", None))
    why = "" if task.status == "running" else flat(task.reason or "")
    if task.status == "waiting" and task.not_before:
        why = f"waits until {_clock(task.not_before)}" + (f": {why}" if why else "")
    line = (
        f"  {style(sign, fg=colour)} {pad(_name(task.path), width)}  {_words(task.status):9}  {why}"
    )
    return line.rstrip()


def _words(status: str) -> str:
    return status.replace("_", " ")


def _name(path: str) -> str:
    return printable(short_name(path))


def _moment(time: str) -> str:
    return f"{datetime.fromisoformat(time).astimezone():%a %Y-%m-%d %H:%M}"


def _clock(time: str) -> str:
    return f"{datetime.fromisoformat(time).astimezone():%H:%M}"


def render_landing(answer: JobLanding) -> str:
    """Return how the branch of a job landed."""
    sign = style("○" if answer.dry_run else "✓", fg="green")
    line = f"{sign} {answer.describe()}"
    return "\n".join([line, *render_next_steps(answer.next_steps)])


def render_upcoming(answer: Upcoming) -> str:
    """Return when jobs fire next, then the tasks that are ready."""
    lines = ["Jobs:" if answer.firings else "No job has a schedule."]
    if answer.next_at:
        later = _moment(answer.next_at)
        lines = [f"No job fires until then; the next one does on {later}."]
    width = column_width([each.job for each in answer.firings])
    for each in answer.firings:
        at = _moment(each.at)
        shown = render_counts(each.counts) if each.counts else "no task"
        row = f"  {at}  {pad(printable(each.job), width)}  {each.schedule}  "
        lines.append(
            row + printable(each.error) if each.error else cut_row(row + shown, printable(each.job))
        )
    for job, last in answer.left_off.items():
        at = f"{datetime.fromisoformat(last).astimezone():%Y-%m-%d %H:%M}"
        lines.append(f"  … {printable(job)} fires after {at}, too: that is left off, as too many")
    lines += map(_problem, answer.problems)
    lines.append(f"Ready: {', '.join(map(_name, answer.ready_paths)) or 'no task'}")
    return "\n".join(lines)


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
    what = f"job run {each.job_run_id}" if each.job_run_id else f"not started: {each.skipped}"
    return f"{at} {printable(each.job)}: {printable(what)}"


class Progress:
    """Prints a line for every task whose status has changed."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._known: dict[str, tuple[str, str | None, str]] | None = None
        self._failures = 0

    def show(self, state: JobState) -> None:
        """Print what has changed since the last state."""
        if self._known is None:
            done = (each for each in state.tasks if each.status != "running")
            self._known = {each.task: _seen(each) for each in done}
        for sentence in (state.base_failures or ())[self._failures :]:
            self._say(_base_failure(sentence))
            self._failures += 1
        for each in state.tasks:
            now, fresh = _seen(each), ("waiting", None, "")
            if now != self._known.get(each.task, fresh) and each.status != "starting":
                self._say(_changed(each))
                self._known[each.task] = now


def _seen(each: TaskProgress) -> tuple[str, str | None, str]:
    return each.status, each.not_before, each.waits_for


def _changed(each: TaskProgress) -> str:
    sign, colour = _SIGNS.get(each.status, ("○", None))
    clock = style(f"{datetime.now().astimezone():%H:%M:%S}", dim=True)
    why = flat(reason(each)) if each.status not in ("running", "completed") else ""
    if each.status == "running" and each.run_id:
        why = f"run {each.run_id}"
    if each.status == "waiting" and each.not_before:
        why = f"waits until {_clock(each.not_before)}" + (f": {why}" if why else "")
    what = f"{_name(each.task)} {_words(each.status)}"
    return f"  {clock} {style(sign, fg=colour)} {what}  {why}".rstrip()


class Bars:
    """Shows a bar for each track: one mark for each task, or for some where a line has no room.

    On a terminal, which has a `width`, the last bars are replaced, else only changed ones are
    printed.
    """

    def __init__(self, say: Callable[[str], None], width: Callable[[], int | None]) -> None:
        self._say = say
        self._width = width
        self._shown: list[str] = []

    def show(self, state: JobState) -> None:
        """Print the bars of all tracks."""
        width = self._width()
        lines = list(_bars(state, width))
        if width is not None:
            # Up to the first of the last bars, and clear what is below: none of them may wrap.
            up = f"\x1b[{len(self._shown)}A\x1b[J" if self._shown else ""
            self._say(up + "\n".join(lines))
        else:
            for line in lines:
                if line not in self._shown:
                    self._say(line)
        self._shown = lines


def _bars(state: JobState, width: int | None) -> Iterator[str]:
    tracks: dict[str, list[TaskProgress]] = {}
    known = {each.task: each for each in state.tasks}
    for item in state.start.work.items:
        tracks.setdefault(item.track, []).append(known[item.task])
    column = min(column_width(list(tracks)), (width or 1000) // 3)
    for track, tasks in tracks.items():
        done = sum(each.status == "completed" for each in tasks)
        count = f"{done}/{len(tasks)}"
        name = pad(cut(printable(track), column), column)
        used = display_width(f"  {name}    {count}  ")
        most = len(tasks) if width is None else max(width - used - _BESIDE, _LEAST)
        marks = [_mark(each) for each in _some(tasks, most)]
        what = _doing(state, tasks)
        if width is not None:
            what = cut(what, max(width - used - len(marks) - 1, 1)) if what else ""
        yield f"  {name}  {''.join(marks)}  {count}  {what}".rstrip()


def _doing(state: JobState, tasks: Sequence[TaskProgress]) -> str:
    now = ", ".join(_name(each.task) for each in tasks if each.status == "running")
    waits = next((each.not_before for each in tasks if each.not_before and not now), None)
    if now or state.result:
        return now
    if waits:
        return f"waits until {_clock(waits)}"
    return next((f"{_name(each.task)}: {each.waits_for}" for each in tasks if each.waits_for), "")


#: The columns that are kept for what a track does, and the fewest marks of a bar.
_BESIDE, _LEAST = 20, 5
#: Which of some tasks that share a mark it shows.
_FIRST = ("failed", "running", "starting", "held", "skipped", "waiting", "left_out", "completed")


def _some(tasks: Sequence[TaskProgress], most: int) -> Sequence[TaskProgress]:
    """Return one task for each of at most `most` marks."""
    if len(tasks) <= most:
        return tasks
    ends = [len(tasks) * number // most for number in range(most + 1)]
    groups = (tasks[begin:end] for begin, end in pairwise(ends))
    return [min(group, key=lambda each: _FIRST.index(each.status)) for group in groups]


def _mark(each: TaskProgress) -> str:
    sign, colour = _SIGNS.get(each.status, ("○", None))
    return style(sign, fg=colour)
