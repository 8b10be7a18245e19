"""Commands about what happened: the history of a task, and the database behind it.

What reads the database is imported where it is used: no other command needs SQLite's library.
"""

from __future__ import annotations  # see above

from datetime import datetime
from typing import TYPE_CHECKING

import click

from runr.cli import console
from runr.cli.app import Invocation, command, group, task_names
from runr.cli.console import style
from runr.errors import ExitCode
from runr.tasks.model import short_name
from runr.text import flat, pluralize

if TYPE_CHECKING:
    from runr.history.hook_calls import HookCall
    from runr.history.task_history import TaskChange, TaskHistory
    from runr.history.upkeep import DatabaseCheck, DatabaseFile

_COLORS = {
    "completed": "green",
    "stopped": "yellow",
    "rejected": "red",
    "reset": "red",
    "landed": "cyan",
}
_SHA = 12


def local_time(time: str) -> str:
    """Return a time of a journal in the zone of the user."""
    return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M}" if time else ""


def render_history(answer: TaskHistory) -> str:
    """Return one line for each change, oldest first."""
    name = short_name(answer.task_path)
    now = f"{answer.status}, {answer.evidence}" if answer.evidence else answer.status
    stale = style(", stale", fg="yellow") if answer.stale else ""
    absent = style(", not on this branch", fg="yellow") if answer.unmerged else ""
    lines = [f"{name}: {now}{absent}{stale}; {pluralize(answer.run_count, 'run')}"]
    width = max((len(change.what) for change in answer.changes), default=0)
    shown = [(change.time, _change(change, width)) for change in answer.changes]
    shown += [(call.time, _hook(call, width)) for call in answer.hooks]
    lines += [line for _, line in sorted(shown, key=lambda each: each[0])]
    if not answer.changes:
        unchanged = "its status has not changed yet"
        lines.append(f"  {unchanged if answer.run_count else 'nothing has happened yet'}")
    lines += [f"  {style('note', fg='yellow')}: {note}" for note in answer.notes]
    return "\n".join([*lines, *console.render_next_steps(answer.next_steps)])


def _change(change: TaskChange, width: int) -> str:
    kind, _, name = flat(change.by).partition(":")
    facts = [
        change.evidence or change.stop_reason or "",
        f"on {change.target}" if change.target else "",
        f"commit {change.commit_sha[:_SHA]}" if change.commit_sha else "",
        f"run {change.run_id}" if change.run_id else "",
        f"by {name if kind == 'person' else f'{kind} {name}'}" if kind != "run" else "",
        f"({flat(change.reason)})" if change.reason else "",
    ]
    shown = style(change.what.ljust(width), fg=_COLORS.get(change.what))
    if change.record != "confirmed":
        facts.append(style(f"{change.record} record, no evidence", fg="yellow"))
    return f"  {local_time(change.time)}  {shown}  {'  '.join(filter(None, facts))}"


def _hook(call: HookCall, width: int) -> str:
    bad = call.outcome not in ("ok", "unavailable")
    outcome = style(call.outcome.replace("_", " "), fg="red" if bad else "green")
    facts = [f"{call.point} `{call.name}`: {outcome}", f"run {call.run_id}"]
    facts.append(f"({call.detail})" if call.detail else "")
    return f"  {local_time(call.time)}  {'hook'.ljust(width)}  {'  '.join(filter(None, facts))}"


def render_check(answer: DatabaseCheck) -> str:
    """Return what is wrong with the database, or that nothing is."""
    lines = [f"{style('✗', fg='red')} {problem}" for problem in answer.problems]
    if not lines:
        runs = pluralize(answer.rows["runs"], "run")
        jobs = pluralize(answer.rows["job_runs"], "job run")
        changes = pluralize(answer.rows["task_statuses"], "change")
        lines = [f"{style('✓', fg='green')} as in the journals: {runs}, {jobs}, {changes}"]
    lines += [
        f"  {style('note', fg='yellow')}: {path} is no evidence: {why}"
        for path, why in answer.unconfirmed.items()
    ]
    return "\n".join([*lines, *console.render_next_steps(answer.next_steps)])


def render_file(answer: DatabaseFile) -> str:
    """Return the path alone, for a shell."""
    return answer.path


@command("history")
@click.argument("task", shell_complete=task_names)
def history(invocation: Invocation, task: str) -> None:
    """Show everything that happened to a task.

    Every change of its status: when, by whom or which run, on what evidence.
    """
    from runr.history import task_history  # noqa: PLC0415 - see above

    invocation.show(task_history.read_history(invocation.project(), task), render_history)


@command("metrics")
def metrics(invocation: Invocation) -> None:
    """Print figures as OpenMetrics text.

    For programs that watch: Prometheus and others read it. With --json, as JSON.
    """
    from runr.history import metrics as history_metrics  # noqa: PLC0415 - see above

    answer = history_metrics.collect(invocation.project())
    invocation.show(answer, history_metrics.open_metrics)


@group("db")
def db() -> None:
    """Check, migrate and shrink the history database.

    It is an index over the journals: to delete it loses nothing.
    """


@db.command_of("path")
def path(invocation: Invocation) -> None:
    """Print the path of the database."""
    from runr.history import upkeep  # noqa: PLC0415 - see above

    invocation.show(upkeep.locate(invocation.project()), render_file)


@db.command_of("check")
def check(invocation: Invocation) -> int:
    """Compare the database with the journals.

    Exits with 10 if it is damaged or differs. Changes nothing.
    """
    from runr.history import upkeep  # noqa: PLC0415 - see above

    answer = upkeep.check(invocation.project())
    invocation.show(answer, render_check)
    return ExitCode.DAMAGED if answer.problems else ExitCode.DONE


@db.command_of("migrate")
def migrate(invocation: Invocation) -> None:
    """Bring the database to the newest schema.

    Other commands do so, too. A copy of the old one is kept.
    """
    from runr.history import upkeep  # noqa: PLC0415 - see above

    invocation.show(upkeep.migrate(invocation.project()), console.render_result)


@db.command_of("vacuum")
def vacuum(invocation: Invocation) -> None:
    """Return unused space to the file system."""
    from runr.history import upkeep  # noqa: PLC0415 - see above

    invocation.show(upkeep.vacuum(invocation.project()), console.render_result)
