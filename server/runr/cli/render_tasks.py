"""Render tasks for a terminal."""

from __future__ import annotations  # runs are named here, and loaded only where there are any

import shlex
from typing import TYPE_CHECKING

from click import unstyle

from runr.cli import console
from runr.cli.console import render_next_steps, style
from runr.next_steps import commands
from runr.query.models import TaskList, TaskSummary
from runr.runs import stop_reasons
from runr.tasks.model import short_name
from runr.text import display_width, pad, readable_name

if TYPE_CHECKING:
    from runr.query.detail_models import CompletionResult, TaskDetails

#: What is shown beside a completion whose checks did not pass.
_UNCHECKED = {
    "failed": ("checks failed", "red"),
    "skipped": ("checks skipped", "yellow"),
}


#: A terminal that is narrower shows no titles in a list, and columns that a title needs.
_WIDE, _TITLE = 100, 12


def render_list(answer: TaskList) -> str:
    """Return one line for each task, in columns, and how many there are of each status."""
    if not answer.tasks:
        return "\n".join(["No tasks.", *render_next_steps(answer.next_steps)])
    names = [shown_name(row) for row in answer.tasks]
    width = console.column_width(names)
    states = max(len(console.shown_status(row)) for row in answer.tasks)
    lines = ["Tasks in .runr/tasks/:"]
    for row, name in zip(answer.tasks, names, strict=True):
        status = console.shown_status(row)
        sign, shown = console.task_sign(row), console.styled(status)
        begun = f"  {sign} {pad(name, width)}  {shown}"
        remarks = _remarks(row)
        gap = " " * (states - len(status) + 2)
        line = _with_title(f"{begun}{gap}{remarks}".rstrip(), row)
        lines.append(console.cut_row(line, name))
    if 0 < answer.needs_human_count < answer.total_count:
        lines.append(f"  {blocked_note(answer.needs_human_count)}")
    if answer.next_cursor:
        cursor = shlex.quote(answer.next_cursor)
        lines.append(f"  … of {answer.total_count}; --cursor {cursor} shows more, --limit 0 all")
    return "\n".join([*lines, f"  {console.render_counts(answer.counts)}"])


def _with_title(line: str, row: TaskSummary) -> str:
    """Return the line with title, priority and tags where the terminal is wide enough."""
    width = console.line_width()
    if width is None or width < _WIDE:
        return line
    facts = [row.title, f"priority {row.priority}" if row.priority else "", *row.tags]
    room = width - display_width(unstyle(line)) - 2
    text = console.cut(", ".join(filter(None, facts)), room) if room >= _TITLE else ""
    return f"{line}  {style(text, dim=True)}" if text else line


def blocked_note(count: int) -> str:
    """Return how many tasks wait for a person, and the command that lists them."""
    listed = console.written([commands.list_tasks("--waiting")])[0]
    who = "1 task waits" if count == 1 else f"{count} tasks wait"
    return f"{style(who, fg='yellow')} for a person: {listed}"


def shown_name(row: TaskSummary) -> str:
    """Return the task's name, printable on one line."""
    return shown_path(row.path)


def shown_path(path: str) -> str:
    """Return the name of the task at `path`, printable on one line."""
    name = short_name(path)
    return name if name.isprintable() else name.encode("unicode_escape").decode()


def _stop(row: TaskSummary) -> list[str]:
    if not row.stop_reason:
        return []
    waits = ["waits to land"] if row.stop_reason in stop_reasons.LANDABLE else []
    return [*waits, f"({row.stop_reason})"]


def _remarks(row: TaskSummary) -> str:
    when = (row.completed_at or (row.updated_at if row.status != "pending" else None) or "")[:10]
    remarks = [when] if when else []
    if row.status == "completed":
        remarks.append(_evidence(row))
    elif row.last_run_id:
        remarks.append(f"run:{row.last_run_id}")
    remarks += _stop(row)
    if row.type != "automated" and row.status != "completed":
        remarks.append(row.type)
    if row.blocked_by:
        names = ", ".join(short_name(name) for name in row.blocked_by)
        remarks.append(style(f"blocked by {names}", fg="yellow"))
    remarks += _overridden(row)
    if row.unproved:
        remarks.append(style(f"not proved: {row.unproved}", fg="yellow"))
    if row.unmerged:
        remarks.append(style(f"its commit is {row.commit_place}", fg="yellow"))
    if row.stale:
        remarks.append(style(f"stale: {'; '.join(row.stale_reasons)}", fg="yellow"))
    if row.orphaned:
        remarks.append(style("task file missing", fg="yellow"))
    remarks += [style(problem, fg="red") for problem in row.problems]
    return "  ".join(remarks)


def _overridden(row: TaskSummary) -> list[str]:
    """Return what a person completed the task against, or without."""
    if row.status != "completed":
        return []
    known = [_UNCHECKED[row.verification]] if row.verification in _UNCHECKED else []
    known += [("forced", "yellow")] if row.override_reason else []
    return [style(text, fg=colour) for text, colour in known]


def _evidence(row: TaskSummary) -> str:
    by = row.completed_by or ""
    if row.evidence == "attested":
        return f"attested by {by.removeprefix('person:')}"
    if row.evidence == "relayed":
        return f"relayed by {by.removeprefix('client:')}"
    if row.evidence == "verified_in_workspace":
        return f"{by}, verified in the workspace"
    return f"inferred from {by}" if row.evidence == "inferred" else by


def render_details(answer: TaskDetails) -> str:
    """Return one task with its last run."""
    from runr.cli import render_runs  # noqa: PLC0415 - a listing, the usual command, shows no run

    task = answer.task
    lines = [
        f"{console.task_sign(task)} {shown_name(task)}: {task.title}",
        f"  {console.styled(console.shown_status(task))}: {task.why}",
    ]
    facts = [
        ("type", task.type),
        ("evidence", task.evidence),
        ("verification", task.verification if task.last_run_id else None),
        ("depends on", ", ".join(task.depends_on)),
        *(("root cause", f"{shown_path(cause.path)}: {cause.why}") for cause in task.root_causes),
        ("owns", ", ".join(task.owns)),
        ("checks", "; ".join(task.verify)),
        ("checkpoint", task.checkpoint_sha),
        ("forced", task.override_reason),
        ("on this branch", f"as {task.rewritten_as}" if task.rewritten_as else None),
        ("runs", str(task.run_count) if task.run_count else None),
    ]
    lines += [f"  {name}: {value}" for name, value in facts if value]
    lines += [f"  {style('problem', fg='red')}: {problem}" for problem in task.problems]
    if answer.run is not None:
        lines += ["", *render_runs.render_summary(answer.run)]
    if answer.commits:
        lines += ["", "  commits:", *(f"    {commit}" for commit in answer.commits)]
    after = render_next_steps(answer.next_steps)
    return "\n".join([*lines, "", *after] if after else lines)


def render_completion(answer: CompletionResult) -> str:
    """Return the result of a completion."""
    from runr.cli import render_runs  # noqa: PLC0415 - as in `render_details`

    advice = " ".join(map(str, answer.next_steps))
    if answer.run is None:
        return "\n".join([f"{console.task_sign(answer.task)} {shown_name(answer.task)}", advice])
    if answer.completed:
        return f"{render_runs.render_end(answer.run)}\n{advice}"
    sign = style("✗", fg="red")
    lines = [f"{sign} {shown_name(answer.task)} is not completed"]
    lines += render_runs.render_summary(answer.run)[1:]
    # The first of them are in the detail.
    said = "\n".join(lines)
    names = map(readable_name, answer.run.violations)
    lines += [f"    out of scope: {name}" for name in names if name not in said]
    if answer.run.review:
        lines += [f"    {line}" for line in ("the reviewer asks:", *answer.run.review.splitlines())]
    return "\n".join([*lines, *render_next_steps(answer.next_steps)])
