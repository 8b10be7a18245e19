"""Render job runs for a terminal: their plan, their progress, and how they are."""

from __future__ import annotations  # what is rendered is loaded only where it was made

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from runr.cli.console import (
    column_width,
    cut,
    fits,
    render_next_steps,
    style,
    wrap,
)
from runr.jobs.outcomes import reason
from runr.jobs.state import JobState, TaskProgress
from runr.jobs.views import JobRunDetails, JobRunTask
from runr.tasks.model import short_name
from runr.text import display_width, flat, format_duration, join_limited, pad, pluralize, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from runr.jobs.landing import JobLanding
    from runr.jobs.plan import JobPlan

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
    if answer.seconds is None or not answer.tasks:
        return ""
    cost = f" and ${answer.cost_usd:.2f}" if answer.cost_usd else ""
    return f"; about {format_duration(answer.seconds)}{cost}, as earlier runs took"


def render_status(answer: JobRunDetails) -> str:
    """Return a job run with all of its tasks."""
    lines = wrap("", f"{printable(answer.job)} ({answer.id}): {_headline(answer)}", 4)
    lines += [line for each in answer.base_failures for line in _base_failure(each)]
    lines += [line for failed in answer.failed_hooks for line in wrap("  ", failed, 4)]
    width = column_width([_name(task.path) for task in answer.tasks])
    ended = answer.status != "running"
    lines += [line for task in answer.tasks for line in _task(task, width, ended=ended)]
    for path, why in answer.not_ready.items():
        lines += _row("-", _name(path), len(_name(path)), "not ready", flat(why))
    for worker, until in answer.waits_until.items():
        if answer.status == "running":
            lines += wrap("  ", f"{worker} waits until {_clock(until)}, then continues", 4)
    return "\n".join([*lines, *render_next_steps(answer.next_steps)])


def render_stop_plan(*, kill: bool) -> Callable[[JobRunDetails], str]:
    """Return what shows which tasks a stop would end, and which would not start."""

    def render(answer: JobRunDetails) -> str:
        name = f"{printable(answer.job)} ({answer.id})"
        if answer.status != "running":
            return f"{name} is not running: {_headline(answer)}"
        running = [_name(task.path) for task in answer.tasks if task.status == "running"]
        waiting = sum(task.status == "waiting" for task in answer.tasks)
        end = "would be stopped, with its work kept" if kill else "may end"
        said = f"{join_limited(running, _NAMED) or 'no task is running, so nothing'} {end}"
        return "\n".join(
            wrap("", f"{name}: {said}; {pluralize(waiting, 'task')} would not start", 4)
        )

    return render


def _base_failure(sentence: str) -> list[str]:
    return wrap(f"  {style('!', fg='yellow')} ", f"before any work is done, {flat(sentence)}", 4)


def _headline(answer: JobRunDetails) -> str:
    counts = ", ".join(f"{count} {_words(status)}" for status, count in answer.counts.items())
    why = f": {flat(answer.reason)}" if answer.reason else ""
    changed = sum(task.now is not None for task in answer.tasks)
    since = f", {changed} changed since" if changed else ""
    return f"{answer.status}, {counts}{since}{why}"


def _task(task: JobRunTask, width: int, *, ended: bool) -> list[str]:
    sign, colour = _SIGNS.get(task.status, ("○", None))
    why = "" if task.status == "running" else flat(task.reason or "")
    if task.status == "waiting" and task.not_before:
        when = "not before" if ended else "waits until"
        why = f"{when} {_clock(task.not_before)}" + (f": {why}" if why else "")
    if task.now:
        sign, colour, why = "!", "yellow", f"now {flat(task.now)}"
    return _row(style(sign, fg=colour), _name(task.path), width, _words(task.status), why)


def _row(sign: str, name: str, width: int, status: str, why: str) -> list[str]:
    """Return a task, and what is said of it below its name where a line has no room."""
    head = f"  {sign} {pad(name, width)}  {status:9}"
    if fits(f"{head}  {why}"):
        return [f"{head}  {why}".rstrip()]
    lines = [head] if fits(head) else [f"  {sign} {name}", f"      {status}"]
    return [*(line.rstrip() for line in lines), *(wrap(" " * 6, why, 6) if why else [])]


def _words(status: str) -> str:
    return status.replace("_", " ")


def _name(path: str) -> str:
    return printable(short_name(path))


def _clock(time: str) -> str:
    return f"{datetime.fromisoformat(time).astimezone():%H:%M}"


def render_landing(answer: JobLanding) -> str:
    """Return how the branch of a job landed."""
    sign = style("○" if answer.dry_run else "✓", fg="green")
    line = f"{sign} {answer.describe()}"
    return "\n".join([line, *render_next_steps(answer.next_steps)])


class Progress:
    """Prints a line for every task whose status has changed."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say_line = say
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

    def _say(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._say_line(line)


def _seen(each: TaskProgress) -> tuple[str, str | None, str]:
    return each.status, each.not_before, each.waits_for


def _changed(each: TaskProgress) -> list[str]:
    sign, colour = _SIGNS.get(each.status, ("○", None))
    clock = style(f"{datetime.now().astimezone():%H:%M:%S}", dim=True)
    why = flat(reason(each)) if each.status not in ("running", "completed") else ""
    if each.status == "running" and each.run_id:
        why = f"run {each.run_id}"
    if each.status == "waiting" and each.not_before:
        why = f"waits until {_clock(each.not_before)}" + (f": {why}" if why else "")
    begin = f"  {clock} {style(sign, fg=colour)} {_name(each.task)} {_words(each.status)}  "
    return wrap(begin, why, 13)


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
