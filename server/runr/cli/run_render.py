"""Runs as people read them in a terminal."""

from runr.app.answers import RunAnswer, RunList, RunView
from runr.cli import advice, checks, columns, signs
from runr.cli.render import steps
from runr.core import stops
from runr.core.duration import spoken

#: Lines of a failure that are shown; the report has them all.
_LONGEST = 15

#: Notes that are shown; the report has them all.
_NOTES = 3


def summary(run: RunView) -> list[str]:
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


def end(run: RunView) -> str:
    """Return how a run ended: one line, and the next commands where there are any."""
    name = run.task.removeprefix(".runr/tasks/")
    if run.status == "running":
        return "\n".join([f"{signs.of_run(run)} {name}: run {run.id} is at work", *_next(run)])
    if run.status == "completed":
        lines = [f"{signs.of_run(run)} {name}: {_result(run)} in {spoken(run.seconds)}"]
    else:
        lines = [f"{signs.of_run(run)} {name}: {_ending(run)}"]
        lines += summary(run)[1:]
    return "\n".join([*lines, *_next(run)])


def _result(run: RunView) -> str:
    how = f"on the word of {run.approved_by}" if run.approved_by else "verified"
    how += ", its checks skipped" if run.verification == "skipped" else ""
    commit = f", commit {run.checkpoint_sha[:12]}" if run.checkpoint_sha else ""
    kept = f", waiting on {run.branch}" if run.integration == "kept" else ""
    empty = ", without any change" if run.changed == 0 else ""
    return f"completed, {how}{commit}{kept}{empty}"


def _next(run: RunView) -> list[str]:
    return ["  Next:", *(f"    {step}" for step in run.next)] if run.next else []


def started(answer: RunAnswer) -> str:
    """Return what a run that goes on without us needs: its brief, or how to look at it."""
    if answer.brief is not None:
        return "\n".join([answer.brief, *steps(advice.after_brief(answer))])
    return "\n".join([f"run {answer.run.id} has started", *steps(answer.run.next)])


def listing(answer: RunList) -> str:
    """Return one line for each run, newest first."""
    if not answer.runs:
        return "No runs yet. `runr run --task NAME` makes one."
    names = [run.task.removeprefix(".runr/tasks/") or "(no task)" for run in answer.runs]
    width = columns.width(names)
    workers = max(len(run.worker) for run in answer.runs)
    lines = []
    for run, name in zip(answer.runs, names, strict=True):
        cost = f"  ${run.cost_usd:.2f}" if run.cost_usd is not None else ""
        reason = f"  ({run.stop_reason})" if run.stop_reason else ""
        begun = f"{signs.of_run(run)} {run.id}  {run.status:<9}  {columns.fill(name, width)}"
        took = f"{run.worker:<{workers}}  {spoken(run.seconds):>6}"
        lines.append(f"{begun}  {took}{cost}{reason}")
    if answer.total > len(answer.runs):
        lines.append(f"… of {answer.total}; --limit 0 shows all")
    return "\n".join(lines)
