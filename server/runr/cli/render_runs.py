"""Render runs, their checks and their events for a terminal."""

from __future__ import annotations  # runs are named here, and loaded only where there are any

from datetime import datetime
from typing import TYPE_CHECKING

from runr.cli import console
from runr.cli.console import render_next_steps, style
from runr.next_steps import commands
from runr.runs import stop_reasons
from runr.runs.events import (
    CheckFailed,
    CheckFinished,
    ChecksEscalated,
    EventData,
    FinishedPhase,
    InputsChanged,
    NoteAdded,
    PhaseStarted,
    ReviewFinished,
    TreeChanged,
    UsageLimitWait,
    WorkerBackoff,
    WorkerFallback,
)
from runr.runs.hook_events import HookFinished
from runr.runs.session_events import SessionAttached
from runr.tasks.model import short_name
from runr.text import format_duration, join_limited, pad, pluralize, readable_name

if TYPE_CHECKING:
    from runr.lifecycle.resume import ResumePreview, ResumeResult
    from runr.query.detail_models import CheckDetails, RunDetails, RunList, RunResult
    from runr.runs.events import Event


def check_line(check: CheckDetails) -> str:
    """Return a check and its result, for the summary of a run."""
    return f"{_sign(check)} {check.command} ({_facts(check, took=True)})"


def check_progress(data: ChecksEscalated | CheckFailed | CheckFinished) -> str:
    """Return what an event about checks says while the run goes on."""
    if isinstance(data, ChecksEscalated):
        return f"{data.tier} too: {data.path} matches {data.pattern}"
    from runr.query.detail_models import CheckDetails  # noqa: PLC0415 - see the first import

    check = CheckDetails(
        tier=data.tier,
        command=data.command,
        exit_code=data.exit_code,
        seconds=data.seconds,
        run_count=data.runs,
        passed=data.exit_code == 0,
        flaky=data.exit_code == 0 and data.runs > 1,
    )
    if isinstance(data, CheckFailed):
        return f"{_sign(check)} {check.command} (run {check.run_count}; retrying)"
    more = f" ({_facts(check, took=False)})" if check.run_count > 1 else ""
    return f"{_sign(check)} {check.command}{more}"


def _sign(check: CheckDetails) -> str:
    if not check.run_count:
        return style("-", dim=True)
    if check.passed:
        return style("✓", fg="yellow" if check.flaky else "green")
    return style("✗", fg="red")


def _facts(check: CheckDetails, *, took: bool) -> str:
    if not check.run_count:
        return f"{check.tier}, not run"
    time = format_duration(check.seconds) if took else ""
    again = f"failed in {check.run_count} runs" if check.run_count > 1 else ""
    again = f"flaky: passed in run {check.run_count}" if check.flaky else again
    return ", ".join(part for part in (check.tier, time, again) if part)


#: The most files that are shown; --json has all.
_FILES = 15


def render_preview(answer: ResumePreview) -> str:
    """Return from where a run would resume, and with which work."""
    name = short_name(answer.task_path)
    lines = [f"run {answer.run_id} of {name} ({answer.stop_reason}): {answer.message}"]
    lines.append(f"  in {answer.workdir}")
    lines += [f"  changed so far: {readable_name(path)}" for path in answer.changed[:_FILES]]
    if len(answer.changed) > _FILES:
        lines.append(f"  … and {len(answer.changed) - _FILES} more")
    if not answer.changed:
        lines.append("  no changes so far")
    return "\n".join([*lines, *render_next_steps(answer.next_steps)])


def render_resumed(answer: ResumeResult) -> str:
    """Return what was resumed, or what else there is to do."""
    work = render_summary(answer.run) if answer.run else []
    return "\n".join([answer.message, *work, *render_next_steps(answer.next_steps)])


def event_line(event: Event) -> str | None:
    """Return an event as a line of live progress; None for one that is not shown."""
    clock = style(f"{datetime.fromisoformat(event.time).astimezone():%H:%M:%S}", dim=True)
    if isinstance(event.data, PhaseStarted):
        return f"  {clock} {_started(event.data)}"
    text = _progress(event.data)
    return None if text is None else f"  {clock}   {text}"


def _started(data: PhaseStarted) -> str:
    attempt = f", attempt {data.attempt}" if data.phase == "work" else ""
    milestone = f", milestone {data.milestone}" if data.milestone else ""
    return f"{data.phase}{attempt}{milestone}"


def _progress(data: EventData) -> str | None:
    match data:
        case CheckFinished() | CheckFailed() | ChecksEscalated():
            return check_progress(data)
        case ReviewFinished(feedback=str(feedback)):
            return f"{data.reviewer} asks: {feedback.splitlines()[0]}"
        case NoteAdded() | HookFinished():
            return _remark(data)
        case InputsChanged(put_back=False) | TreeChanged():
            return f"changed while the worker worked: {data.detail}"
        case SessionAttached(session_id, why):
            return f"resumed by session {session_id}: {why}"
        case (
            UsageLimitWait(reason=reason)
            | WorkerBackoff(reason=reason)
            | WorkerFallback(reason=reason)
        ):
            return reason
        case _ if isinstance(data, FinishedPhase):
            return data.detail.splitlines()[0] if data.detail else None
        case _:
            return None


def _remark(data: NoteAdded | HookFinished) -> str:
    if isinstance(data, NoteAdded):
        return f"note: {data.text.splitlines()[0]}"
    return f"{style('✗', fg='red') if data.failed else style('✓', fg='green')} {data.message}"


#: The most lines of a failure that are shown; the report has all.
_MAX_LINES = 15

#: The most notes that are shown; the report has all.
_NOTES = 3


def render_summary(run: RunDetails) -> list[str]:
    """Return a run in a few lines, with its failed checks."""
    lines = [f"  run {run.id}: {_ending(run)} ({run.worker}, {format_duration(run.seconds)})"]
    for check in run.checks:
        lines.append(f"    {check_line(check)}")
        lines += [f"        {line}" for line in check.tail.splitlines()[-_MAX_LINES:]]
    lines += [f"  {line}" for line in _ignored(run)]
    if run.rejected_by:
        lines.append(f"    {run.rejected_by}: {run.reason}")
    lines += [f"    held by {run.holder}"] if run.holder else []
    lines += [f"    note: {note.splitlines()[0]}" for note in run.notes[-_NOTES:]]
    if run.detail and run.status != "completed":
        lines += [f"    {line}".rstrip() for line in run.detail.splitlines()[:_MAX_LINES]]
    lines += [f"    {failed}" for failed in run.failed_hooks if failed not in (run.detail or "")]
    return lines


def _ignored(run: RunDetails) -> list[str]:
    found = (
        ("git ignores, so in no commit", run.ignored),
        ("in no commit, but carried into the checks, and changed", run.carried_changes),
        ("left out by the merge, so not on the branch", run.left_out),
    )
    return [f"  {what}: {join_limited(paths, 5)}" for what, paths in found if paths]


def _ending(run: RunDetails) -> str:
    if run.status == "stopped":
        return f"stopped, {stop_reasons.explain(run.stop_reason, run.worker)}"
    if run.status == "running":
        return f"in phase {run.phase}" if run.phase else "starting"
    return _end(run)


def _end(run: RunDetails) -> str:
    """Return what a run that came to its end has done: only an attempt completes a task."""
    by = f"relayed by {run.relayed_by}" if run.relayed_by else f"by {run.approved_by}"
    match run.kind:
        case "attempt":
            return "completed"
        case "manual_commit":
            return f"manual commit {by}"
        case "acknowledgement":
            return f"acknowledged {by}"
        case "reset":
            return f"reset {by}"


def _subject(run: RunDetails) -> str:
    """Return the name of the run's task; a manual commit may have none."""
    return short_name(run.task_path) or "(no task)"


def render_end(run: RunDetails) -> str:
    """Return how a run ended, in one line, and the next commands."""
    name = _subject(run)
    if run.status == "running":
        return "\n".join([f"{console.run_sign(run)} {name}: run {run.id} is running", *_next(run)])
    if run.status == "completed":
        lines = [
            f"{console.run_sign(run)} {name}: {_result(run)} in {format_duration(run.seconds)}"
        ]
        lines += _ignored(run)
        lines += [f"    {run.detail}"] if run.detail else []
        lines += [f"    {failed}" for failed in run.failed_hooks]
    else:
        lines = [f"{console.run_sign(run)} {name}: {_ending(run)}"]
        lines += render_summary(run)[1:]
    return "\n".join([*lines, *_next(run)])


def _result(run: RunDetails) -> str:
    commit = f", commit {run.checkpoint_sha[:12]}" if run.checkpoint_sha else ""
    if run.kind != "attempt":
        return f"{_end(run)}{commit}"
    where = " in the workspace" if run.verified_in == "workspace" else ""
    how = f"attested by {run.approved_by}" if run.approved_by else f"verified{where}"
    how = f"relayed by {run.relayed_by}" if run.relayed_by else how
    how += f", checks {run.verification}" if run.verification in ("skipped", "failed") else ""
    how += ", forced" if run.override_reason else ""
    empty = ", no changes" if run.changed_count == 0 else ""
    return f"completed, {how}{commit}{empty}"


def _next(run: RunDetails) -> list[str]:
    return ["  Next:", *(f"    {step}" for step in run.next_steps)] if run.next_steps else []


def render_started(answer: RunResult) -> str:
    """Return the session's brief, or how to follow a detached run."""
    if answer.brief is not None:
        return "\n".join([answer.brief, *render_next_steps(answer.next_steps)])
    return "\n".join(
        [f"run {answer.run.id} has started", *render_next_steps(answer.run.next_steps)]
    )


def render_stopped(run: RunDetails) -> str:
    """Return that the run has ended, and the next commands."""
    text = f"run {run.id} is {run.status}"
    if run.kind != "attempt" and run.status == "completed":
        text = f"run {run.id} has ended: {_end(run)}"
    return "\n".join([text, *render_next_steps(run.next_steps)])


#: What a list calls a run that came to its end without completing a task.
_LISTED = {"manual_commit": "manual commit", "acknowledgement": "acknowledged", "reset": "reset"}


def _state(run: RunDetails) -> str:
    return _LISTED.get(run.kind, run.status) if run.status == "completed" else run.status


def _sum_of_runs(answer: RunList) -> str:
    """Return how many runs there were, how they ended, and what they used since the time."""
    ended = ", ".join(f"{number} {status}" for status, number in answer.counts.items())
    tokens = answer.input_tokens + answer.output_tokens
    used = [f"${answer.cost_usd:.2f}"] if answer.cost_usd is not None else []
    used += [f"{tokens:,} tokens"] if tokens else []
    return "; ".join([f"{pluralize(answer.total_count, 'run')}: {ended}", *used])


def render_runs(answer: RunList) -> str:
    """Return one line for each run, newest first."""
    if not answer.runs and answer.damaged_count:
        head = f"{pluralize(answer.damaged_count, 'run')}: the journal cannot be read."
        return "\n".join([head, *render_next_steps(answer.next_steps)])
    if not answer.runs and answer.since:
        return f"No run since {answer.since[:16]}Z."
    if not answer.runs:
        steps = console.written([commands.next_task()])
        return "\n".join(["No runs yet.", *render_next_steps(steps)])
    names = [_subject(run) for run in answer.runs]
    width = console.column_width(names)
    workers = max(len(run.worker) for run in answer.runs)
    states = list(map(_state, answer.runs))
    state_width = max(map(len, ["completed", *states]))
    lines = []
    for run, name, state in zip(answer.runs, names, states, strict=True):
        cost = f"  ${run.cost_usd:.2f}" if run.cost_usd is not None else ""
        reason = f"  ({run.stop_reason})" if run.stop_reason else ""
        reason += "  (of another clone: it proves nothing here)" if run.another_clone else ""
        reason += f"  (its commit is {run.commit_place})" if run.commit_place else ""
        begun = f"{console.run_sign(run)} {run.id}  {state:<{state_width}}  {pad(name, width)}"
        took = f"{run.worker:<{workers}}  {format_duration(run.seconds):>6}"
        lines.append(console.cut_row(f"{begun}  {took}{cost}{reason}", run.id))
    if answer.total_count > len(answer.runs):
        lines.append(f"… of {answer.total_count}; --limit 0 shows all")
    if answer.since:
        lines.append(_sum_of_runs(answer))
    return "\n".join([*lines, *render_next_steps(answer.next_steps)])
