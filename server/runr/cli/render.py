"""Answers as people read them in a terminal."""

import shlex
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from click import style

from runr.app.answers import (
    CompleteAnswer,
    Done,
    RunAnswer,
    RunList,
    RunView,
    TaskDetail,
    TaskList,
    TaskRow,
)
from runr.cli import advice, checks
from runr.core import stops
from runr.core.duration import spoken
from runr.core.runstate import Event

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

#: A completion that its checks do not stand behind says so.
_UNCHECKED = {
    "failed": ("against failing checks", "red"),
    "skipped": ("its checks were skipped", "yellow"),
}

#: A longer name pushes its own line to the right, and no other.
_WIDEST = 60

#: Lines of a failure that are shown; the report has them all.
_LONGEST = 15

#: Notes that are shown; the report has them all.
_NOTES = 3


def task_list(answer: TaskList) -> str:
    """Return one line for each task, in columns."""
    if not answer.tasks:
        return answer.next
    names = [shown_name(row) for row in answer.tasks]
    width = min(max(map(_columns, names)), _WIDEST)
    states = max(len(row.status) for row in answer.tasks)
    lines = ["Tasks in .runr/tasks/:"]
    for row, name in zip(answer.tasks, names, strict=True):
        begun = f"  {mark(row)} {name}{' ' * (width - _columns(name))}  {_painted(row.status)}"
        remarks = _remarks(row)
        gap = " " * (states - len(row.status) + 2) if remarks else ""
        lines.append(f"{begun}{gap}{remarks}")
    if 0 < answer.waiting < answer.total:
        lines.append(f"  {waits(answer.waiting)}")
    if answer.next_cursor:
        cursor = shlex.quote(answer.next_cursor)
        lines.append(f"  … of {answer.total}; --cursor {cursor} goes on, --limit 0 shows all")
    return "\n".join(lines)


def waits(count: int) -> str:
    """Return that so many tasks wait for a person, and how to see them."""
    who = "1 task waits" if count == 1 else f"{count} tasks wait"
    return f"{style(who, fg='yellow')} for a person: runr list-tasks --waiting"


def _columns(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def mark(row: TaskRow) -> str:
    """Return the sign for a task's state."""
    sign, colour = _MARKS[row.status]
    if row.status == "completed":
        sign = _EVIDENCE.get(row.evidence or "", sign)
    return style(sign, fg=colour)


def shown_name(row: TaskRow) -> str:
    """Return a task's name as it can be shown on one line."""
    return shown_path(row.path)


def shown_path(path: str) -> str:
    """Return the name of the task at `path` as it can be shown on one line."""
    name = path.removeprefix(".runr/tasks/")
    return name if name.isprintable() else name.encode("unicode_escape").decode()


def _painted(status: str) -> str:
    return style(status, fg=_MARKS[status][1])


def _remarks(row: TaskRow) -> str:
    when = (row.completed_at or (row.updated_at if row.status != "pending" else None) or "")[:10]
    remarks = [when] if when else []
    if row.status == "completed":
        remarks.append(_evidence(row))
    elif row.last_run_id:
        remarks.append(f"run:{row.last_run_id}")
    if row.stop_reason:
        remarks.append(f"({row.stop_reason})")
    if row.type != "automated" and row.status != "completed":
        remarks.append(row.type)
    if row.blocked_by:
        names = ", ".join(name.removeprefix(".runr/tasks/") for name in row.blocked_by)
        remarks.append(style(f"blocked by {names}", fg="yellow"))
    if row.status == "completed" and row.verification in _UNCHECKED:
        text, colour = _UNCHECKED[row.verification]
        remarks.append(style(text, fg=colour))
    if row.unmerged:
        remarks.append(style("its commit is not on this branch", fg="yellow"))
    if row.stale:
        remarks.append(style(f"stale: {'; '.join(row.doubts)}", fg="yellow"))
    if row.orphaned:
        remarks.append(style("its file is gone", fg="yellow"))
    remarks += [style(problem, fg="red") for problem in row.problems]
    return "  ".join(remarks)


def _evidence(row: TaskRow) -> str:
    by = row.completed_by or ""
    if row.evidence == "attested":
        return f"attested by {by.removeprefix('person:')}"
    return f"inferred from {by}" if row.evidence == "inferred" else by


def task_detail(answer: TaskDetail) -> str:
    """Return one task with its last run."""
    task = answer.task
    lines = [
        f"{mark(task)} {shown_name(task)}: {task.title}",
        f"  {_painted(task.status)}: {task.why}",
    ]
    facts = [
        ("type", task.type),
        ("evidence", task.evidence),
        ("verification", task.verification if task.last_run_id else None),
        ("depends on", ", ".join(task.depends_on)),
        *(("at root", f"{shown_path(cause.path)}: {cause.why}") for cause in task.root_causes),
        ("owns", ", ".join(task.owns)),
        ("checks", "; ".join(task.verify)),
        ("checkpoint", task.checkpoint_sha),
        ("unmerged", "yes, its commit is not on this branch" if task.unmerged else None),
        ("attempts", str(task.attempts) if task.attempts else None),
    ]
    lines += [f"  {name}: {value}" for name, value in facts if value]
    lines += [f"  {style('problem', fg='red')}: {problem}" for problem in task.problems]
    if answer.run is not None:
        lines += ["", *run_lines(answer.run)]
    if answer.commits:
        lines += ["", "  commits:", *(f"    {commit}" for commit in answer.commits)]
    after = steps(advice.after_detail(answer))
    return "\n".join([*lines, "", *after] if after else lines)


def run_lines(run: RunView) -> list[str]:
    """Return a run in a few lines, with its failed checks and its next commands."""
    lines = [f"  run {run.id}: {_ending(run)} ({run.worker}, {spoken(run.seconds)})"]
    for check in run.checks:
        lines.append(f"    {checks.line(check)}")
        lines += [f"        {line}" for line in check.tail.splitlines()[-_LONGEST:]]
    if run.rejected_by:
        lines.append(f"    {run.rejected_by}: {run.reason}")
    lines += [f"    held by {run.held_by}"] if run.held_by else []
    lines += [f"    noted: {note.splitlines()[0]}" for note in run.notes[-_NOTES:]]
    if run.detail and run.stop_reason:
        lines += [f"    {line}".rstrip() for line in run.detail.splitlines()[:_LONGEST]]
    return lines


def _ending(run: RunView) -> str:
    if run.status == "stopped":
        return f"stopped, {stops.find(run.stop_reason or 'error').meaning}"
    return f"in phase {run.phase}" if run.status == "running" else "completed"


def run_end(run: RunView) -> str:
    """Return how a run ended: one line, and the next commands where there are any."""
    name = run.task.removeprefix(".runr/tasks/")
    if run.status == "running":
        return "\n".join([f"{run_mark(run)} {name}: run {run.id} is at work", *_next(run)])
    if run.status == "completed":
        lines = [f"{run_mark(run)} {name}: {_result(run)} in {spoken(run.seconds)}"]
    else:
        lines = [f"{run_mark(run)} {name}: {_ending(run)}"]
        lines += run_lines(run)[1:]
    return "\n".join([*lines, *_next(run)])


def run_mark(run: RunView) -> str:
    """Return the sign for how a run ended; one on a person's word looks like one."""
    sign, colour = _MARKS[run.status]
    return style(_EVIDENCE["attested"] if run.approved_by else sign, fg=colour)


def _result(run: RunView) -> str:
    how = f"on the word of {run.approved_by}" if run.approved_by else "verified"
    how += ", its checks skipped" if run.verification == "skipped" else ""
    commit = f", commit {run.checkpoint_sha[:12]}" if run.checkpoint_sha else ""
    kept = f", waiting on {run.branch}" if run.integration == "kept" else ""
    empty = ", without any change" if run.changed == 0 else ""
    return f"completed, {how}{commit}{kept}{empty}"


def _next(run: RunView) -> list[str]:
    return ["  Next:", *(f"    {step}" for step in run.next)] if run.next else []


def completion(answer: CompleteAnswer) -> str:
    """Return what became of a completion."""
    if answer.run is None:
        return f"{mark(answer.task)} {shown_name(answer.task)}\n{answer.next}"
    if answer.completed:
        return f"{run_end(answer.run)}\n{answer.next}"
    sign = style("✗", fg="red")
    lines = [f"{sign} {shown_name(answer.task)} is not completed", *run_lines(answer.run)[1:]]
    lines += [f"    out of scope: {path}" for path in answer.run.violations]
    if answer.run.review:
        lines += [f"    {line}" for line in ("the reviewer asks:", *answer.run.review.splitlines())]
    return "\n".join([*lines, *steps(advice.after_completion(answer))])


def started(answer: RunAnswer) -> str:
    """Return what a run that goes on without us needs: its brief, or how to look at it."""
    if answer.brief is not None:
        return "\n".join([answer.brief, *steps(advice.after_brief(answer))])
    return "\n".join([f"run {answer.run.id} has started", *steps(answer.run.next)])


def run_list(answer: RunList) -> str:
    """Return one line for each run, newest first."""
    if not answer.runs:
        return "No runs yet. `runr run --task NAME` makes one."
    names = [run.task.removeprefix(".runr/tasks/") or "(no task)" for run in answer.runs]
    width = min(max(map(_columns, names)), _WIDEST)
    workers = max(len(run.worker) for run in answer.runs)
    lines = []
    for run, name in zip(answer.runs, names, strict=True):
        cost = f"  ${run.cost_usd:.2f}" if run.cost_usd is not None else ""
        reason = f"  ({run.stop_reason})" if run.stop_reason else ""
        gap = " " * (width - _columns(name))
        took = f"{run.worker:<{workers}}  {spoken(run.seconds):>6}"
        lines.append(
            f"{run_mark(run)} {run.id}  {run.status:<9}  {name}{gap}  {took}{cost}{reason}"
        )
    if answer.total > len(answer.runs):
        lines.append(f"… of {answer.total}; --limit 0 shows all")
    return "\n".join(lines)


def done(answer: Done) -> str:
    """Return what a command did, and what to do next."""
    lines = [answer.message, *(f"  {line}" for line in answer.changed)]
    lines += [f"  {style('note', fg='yellow')}: {note}" for note in answer.notes]
    return "\n".join([*lines, *steps(answer.next)])


def steps(lines: Sequence[str]) -> list[str]:
    """Return the commands to type next, under their heading."""
    return ["Next:", *(f"  {line}" for line in lines)] if lines else []


def event_line(event: Event) -> str | None:
    """Return an event as a line of live progress; None for one that nobody waits for."""
    facts = event.payload
    clock = f"{datetime.fromisoformat(event.time).astimezone():%H:%M:%S}"
    match event.type:
        case "phase.started":
            attempt = f", attempt {facts['attempt']}" if facts["phase"] == "work" else ""
            part = f", milestone {facts['milestone']}" if "milestone" in facts else ""
            return f"  {style(clock, dim=True)} {facts['phase']}{attempt}{part}"
        case "check.finished" | "check.failed" | "checks.added":
            return f"  {style(clock, dim=True)}   {checks.progress(event)}"
        case "phase.finished" if facts.get("asked"):
            told = f"{facts['reviewer']} asks: {facts['asked'].splitlines()[0]}"
            return f"  {style(clock, dim=True)}   {told}"
        case "phase.finished" if facts.get("detail"):
            return f"  {style(clock, dim=True)}   {facts['detail'].splitlines()[0]}"
        case "worker.waiting" | "worker.replaced" | "note.added" | "session.joined":
            return f"  {style(clock, dim=True)}   {_aside(event)}"
        case _:
            return None


def _aside(event: Event) -> str:
    facts = event.payload
    match event.type:
        case "note.added":
            return f"noted: {facts['text'].splitlines()[0]}"
        case "session.joined":
            return f"taken up by session {facts['session_id']}: {facts['why']}"
        case _:
            return str(facts["reason"])
