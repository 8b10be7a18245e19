"""Runs as people read them in a terminal."""

from __future__ import annotations  # runs are named here, and loaded only where there are any

from datetime import datetime
from typing import TYPE_CHECKING

from click import style

from runr.cli import console
from runr.cli.console import render_next_steps
from runr.runs import stop_reasons
from runr.text import format_duration

if TYPE_CHECKING:
    from runr.lifecycle.resume import ResumePreview
    from runr.query.detail_models import CheckDetails, RunDetails, RunList, RunResult
    from runr.runs.model import Event


def check_line(check: CheckDetails) -> str:
    """Return a check with how it ended, as a run's summary lists it."""
    return f"{_sign(check)} {check.command} ({_facts(check, took=True)})"


def check_progress(event: Event) -> str:
    """Return what an event about checks says while the run goes on."""
    facts = event.payload
    if event.type == "checks.added":
        return f"{facts['tier']} too: {facts['path']} is in {facts['pattern']}"
    from runr.query.detail_models import CheckDetails  # noqa: PLC0415 - see the first import

    check = CheckDetails(
        tier=facts["tier"],
        command=facts["command"],
        passed=facts["exit_code"] == 0,
        flaky=facts.get("flaky", False),
        runs=facts.get("runs", 1),
        exit_code=facts["exit_code"],
        seconds=facts.get("seconds", 0.0),
    )
    if event.type == "check.failed":
        return f"{_sign(check)} {check.command} (run {check.runs}; it is run again)"
    more = f" ({_facts(check, took=False)})" if check.runs > 1 else ""
    return f"{_sign(check)} {check.command}{more}"


def _sign(check: CheckDetails) -> str:
    if not check.runs:
        return style("-", dim=True)
    if check.passed:
        return style("✓", fg="yellow" if check.flaky else "green")
    return style("✗", fg="red")


def _facts(check: CheckDetails, *, took: bool) -> str:
    if not check.runs:
        return f"{check.tier}, not run"
    time = format_duration(check.seconds) if took else ""
    again = f"failed in {check.runs} runs" if check.runs > 1 else ""
    again = f"flaky: passed in run {check.runs}" if check.flaky else again
    return ", ".join(part for part in (check.tier, time, again) if part)


#: Files that are shown; with --json there are all of them.
_FILES = 15


def render_preview(answer: ResumePreview) -> str:
    """Return where a run would go on, and with what."""
    name = answer.task.removeprefix(".runr/tasks/")
    lines = [f"run {answer.run} of {name} ({answer.stop_reason}): {answer.message}"]
    lines.append(f"  in {answer.workdir}")
    lines += [f"  changed so far: {path}" for path in answer.work[:_FILES]]
    if len(answer.work) > _FILES:
        lines.append(f"  … and {len(answer.work) - _FILES} more")
    if not answer.work:
        lines.append("  nothing is changed so far")
    return "\n".join([*lines, "Next:", *(f"  {step}" for step in answer.next_steps)])


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
            return f"  {style(clock, dim=True)}   {check_progress(event)}"
        case "phase.finished" if facts.get("asked"):
            message = f"{facts['reviewer']} asks: {facts['asked'].splitlines()[0]}"
            return f"  {style(clock, dim=True)}   {message}"
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


#: Lines of a failure that are shown; the report has them all.
_LONGEST = 15

#: Notes that are shown; the report has them all.
_NOTES = 3


def render_summary(run: RunDetails) -> list[str]:
    """Return a run in a few lines, with its failed checks and its next commands."""
    lines = [f"  run {run.id}: {_ending(run)} ({run.worker}, {format_duration(run.seconds)})"]
    for check in run.checks:
        lines.append(f"    {check_line(check)}")
        lines += [f"        {line}" for line in check.tail.splitlines()[-_LONGEST:]]
    if run.rejected_by:
        lines.append(f"    {run.rejected_by}: {run.reason}")
    lines += [f"    held by {run.holder}"] if run.holder else []
    lines += [f"    noted: {note.splitlines()[0]}" for note in run.notes[-_NOTES:]]
    if run.detail and run.stop_reason:
        lines += [f"    {line}".rstrip() for line in run.detail.splitlines()[:_LONGEST]]
    return lines


def _ending(run: RunDetails) -> str:
    if run.status == "stopped":
        return f"stopped, {stop_reasons.find(run.stop_reason or 'error').meaning}"
    return f"in phase {run.phase}" if run.status == "running" else "completed"


def render_end(run: RunDetails) -> str:
    """Return how a run ended: one line, and the next commands where there are any."""
    name = run.task_path.removeprefix(".runr/tasks/")
    if run.status == "running":
        return "\n".join([f"{console.run_sign(run)} {name}: run {run.id} is at work", *_next(run)])
    if run.status == "completed":
        lines = [
            f"{console.run_sign(run)} {name}: {_result(run)} in {format_duration(run.seconds)}"
        ]
    else:
        lines = [f"{console.run_sign(run)} {name}: {_ending(run)}"]
        lines += render_summary(run)[1:]
    return "\n".join([*lines, *_next(run)])


def _result(run: RunDetails) -> str:
    how = f"on the word of {run.approved_by}" if run.approved_by else "verified"
    how += ", its checks skipped" if run.verification == "skipped" else ""
    commit = f", commit {run.checkpoint_sha[:12]}" if run.checkpoint_sha else ""
    kept = f", waiting on {run.branch}" if run.integration == "kept" else ""
    empty = ", without any change" if run.changed_count == 0 else ""
    return f"completed, {how}{commit}{kept}{empty}"


def _next(run: RunDetails) -> list[str]:
    return ["  Next:", *(f"    {step}" for step in run.next_steps)] if run.next_steps else []


def render_started(answer: RunResult) -> str:
    """Return what a run that goes on without us needs: its brief, or how to look at it."""
    if answer.brief is not None:
        return "\n".join([answer.brief, *render_next_steps(console.after_brief(answer))])
    return "\n".join(
        [f"run {answer.run.id} has started", *render_next_steps(answer.run.next_steps)]
    )


def render_runs(answer: RunList) -> str:
    """Return one line for each run, newest first."""
    if not answer.runs:
        return "No runs yet. `runr run --task NAME` makes one."
    names = [run.task_path.removeprefix(".runr/tasks/") or "(no task)" for run in answer.runs]
    width = console.terminal_width(names)
    workers = max(len(run.worker) for run in answer.runs)
    lines = []
    for run, name in zip(answer.runs, names, strict=True):
        cost = f"  ${run.cost_usd:.2f}" if run.cost_usd is not None else ""
        reason = f"  ({run.stop_reason})" if run.stop_reason else ""
        begun = (
            f"{console.run_sign(run)} {run.id}  {run.status:<9}  {console.truncate(name, width)}"
        )
        took = f"{run.worker:<{workers}}  {format_duration(run.seconds):>6}"
        lines.append(f"{begun}  {took}{cost}{reason}")
    if answer.total_count > len(answer.runs):
        lines.append(f"… of {answer.total_count}; --limit 0 shows all")
    return "\n".join(lines)
