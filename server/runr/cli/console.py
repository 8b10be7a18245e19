"""What to type next: the answers' advice as commands for a terminal."""

from __future__ import annotations  # runs are named here, and loaded only where there are any

import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

import click
from click import style

from runr.query.models import CommandResult, TaskSummary
from runr.runs.stop_reasons import quoted
from runr.text import ProgressScope

if TYPE_CHECKING:
    from runr.query.detail_models import (
        CompletionResult,
        RunDetails,
        RunResult,
        TaskDetails,
        TaskFields,
    )

_MOMENT_S = 1.0
_SAY = partial(click.echo, err=True)


def show_progress(*, as_json: bool) -> ProgressScope:
    """Return what to announce steps with: to people at a terminal, and nobody else."""
    return announce_after if sys.stderr.isatty() and not as_json else nullcontext


@contextmanager
def announce_after(
    step: str,
    *,
    moment_s: float = _MOMENT_S,
    say: Callable[[str], object] = _SAY,
) -> Iterator[None]:
    """Say what is being done, if it is not done in a moment."""
    timer = threading.Timer(moment_s, say, (f"runr: {step} …",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


_TASKS = ".runr/tasks/"
_SAID = "--reason 'what was done'"


def short_name(path: str) -> str:
    """Return a task's name as one shell word."""
    return quoted(path.removeprefix(_TASKS))


def after_detail(answer: TaskDetails) -> list[str]:
    """Return the commands that take the task further; none for one that is done."""
    task, run = answer.task, answer.run
    if task.status == "in_progress" and run is not None:
        hand_in = run.worker == "session"
        return [_complete(task)] if hand_in else [f"runr follow {run.id}", f"runr stop {run.id}"]
    if task.status == "completed" and not task.stale:
        if not task.unmerged or run is None:
            return []
        return list(run.next_steps) or [f"git merge {task.checkpoint_sha}"]
    if task.status == "completed":
        wanted = short_name(task.path)
        again = f"runr run --task {wanted}"
        steps = [f"runr why {wanted} --diff", f"runr accept {wanted}"]
        return steps if task.type == "manual" else [*steps, again]
    if not task.ready:
        return _unblock(task)
    if task.type == "manual":
        return [f"{_complete(task)} {_SAID}"]
    if run is not None and run.status == "stopped" and run.next_steps:
        return list(run.next_steps)
    return [f"runr run --task {short_name(task.path)}"]


def after_completion(answer: CompletionResult) -> list[str]:
    """Return the commands after an attempt at completing a task."""
    if answer.completed or answer.run is None:
        return []
    if answer.run.status == "running":
        return [_complete(answer.task), f"runr report {answer.run.id}"]
    return list(answer.run.next_steps)


def after_brief(answer: RunResult) -> list[str]:
    """Return what a session types when it has done what its brief says."""
    return [f"runr complete-task {short_name(answer.run.task_path)}"]


def _unblock(task: TaskFields) -> list[str]:
    open_tasks = [path for path in task.blocked_by if path.startswith(_TASKS)]
    return [f"runr task-status {short_name(path)}" for path in open_tasks]


def _complete(task: TaskSummary) -> str:
    return f"runr complete-task {short_name(task.path)}"


#: A longer name pushes its own line to the right, and no other.
_WIDEST = 60


def terminal_width(texts: Iterable[str]) -> int:
    """Return how wide the column with these texts is."""
    return min(max(map(_columns, texts)), _WIDEST)


def truncate(text: str, columns: int) -> str:
    """Return `text` with spaces up to so many columns."""
    return text + " " * (columns - _columns(text))


def _columns(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def render_result(answer: CommandResult) -> str:
    """Return what a command did, and what to do next."""
    lines = [answer.message, *(f"  {line}" for line in answer.changed)]
    lines += [f"  {style('note', fg='yellow')}: {note}" for note in answer.notes]
    return "\n".join([*lines, *render_next_steps(answer.next_steps)])


def render_next_steps(lines: Sequence[str]) -> list[str]:
    """Return the commands to type next, under their heading."""
    return ["Next:", *(f"  {line}" for line in lines)] if lines else []


_MARKS = {
    "completed": ("✓", "green"),
    "in_progress": ("◐", "cyan"),
    "stopped": ("■", "yellow"),
    "failed": ("✗", "red"),
    "pending": ("○", None),
    "running": ("◐", "cyan"),
}

#: A completion looks different for each kind of evidence.
_EVIDENCE = {"verified": "✓", "attested": "✎", "inferred": "≈"}


def task_sign(row: TaskSummary) -> str:
    """Return the sign for a task's state."""
    sign, colour = _MARKS[row.status]
    if row.status == "completed":
        sign = _EVIDENCE.get(row.evidence or "", sign)
    return style(sign, fg=colour)


def run_sign(run: RunDetails) -> str:
    """Return the sign for how a run ended; one on a person's word looks like one."""
    sign, colour = _MARKS[run.status]
    return style(_EVIDENCE["attested"] if run.approved_by else sign, fg=colour)


def styled(status: str) -> str:
    """Return the name of a state in its colour."""
    return style(status, fg=_MARKS[status][1])
