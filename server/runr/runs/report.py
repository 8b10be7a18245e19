"""The story of a run, for the person who reads it the next morning. Pure."""

from collections.abc import Sequence
from datetime import datetime

from runr.runs import stop_reasons
from runr.runs.model import CheckResult, Event, RunState
from runr.text import format_duration

Stat = tuple[str, int | None, int | None]

#: Files that are listed; git has them all.
_FILES = 100


def render(state: RunState, events: Sequence[Event], stat: Sequence[Stat]) -> str:
    """Return the report as Markdown."""
    parts = [
        f"# {headline(state)}",
        _facts(state),
        _plan(state),
        changes(state, stat),
        _checks(state, events),
        _review(state),
        _phases(events),
        _along_the_way(events),
        _submissions(events),
        _words(state),
        _next(state),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(state: RunState) -> str:
    """Return one line: which task, and how the run ended."""
    name = state.start.task.removeprefix(".runr/tasks/") or "manual work"
    if state.ended is None:
        return f"{name}: still running"
    if state.start.kind == "intervention" and state.approval and state.ended == "completed":
        return f"{name}: by hand, by {state.approval.by}"
    if state.start.kind == "acceptance" and state.approval:
        return f"{name}: kept as it is, by {state.approval.by}"
    if state.ended == "stopped":
        return f"{name}: stopped, {stop_reasons.find(state.stop or 'error').meaning}"
    if state.approval:
        skipped = ", its checks skipped" if state.verification == "skipped" else ""
        return f"{name}: completed, on the word of {state.approval.by}{skipped}"
    return f"{name}: completed and verified"


def next_steps(state: RunState) -> tuple[str, ...]:
    """Return commands that can be pasted: three after a stop, fewer when all is well."""
    if state.ended == "stopped" and state.start.kind == "intervention":
        return ("git status", "git log -1", "runr runs")
    if state.ended == "stopped" and state.start.worker == "person":
        # A refused word is no run to be taken up again: it is given again, or the task is run.
        name = stop_reasons.quoted(state.start.task.removeprefix(".runr/tasks/"))
        return (f"runr task-status {name}", f"runr complete-task {name} --reason 'what was done'")
    if state.ended == "stopped":
        return stop_reasons.commands(
            state.stop or "error",
            run=state.id,
            task=state.start.task.removeprefix(".runr/tasks/"),
            branch=state.start.branch or "HEAD",
            workdir=state.start.workdir,
            base=state.start.base_sha,
        )
    if state.ended is None:
        return (f"runr follow {state.id}", f"runr stop {state.id}")
    return (state.bring_in,) if state.bring_in else ()


def elapsed(state: RunState, until: str | None = None) -> float:
    """Return the seconds from the run's opening to its end."""
    end = state.ended_at or until or state.updated_at
    begin = datetime.fromisoformat(state.created_at)
    # `until` may be told to the second only, and then lie before the beginning.
    return max(0.0, (datetime.fromisoformat(end) - begin).total_seconds())


def _facts(state: RunState) -> str:
    start = state.start
    rows = [
        ("Run", f"`{state.id}`"),
        ("Task", f"`{start.task}`"),
        ("Worker", state.done_by),
        ("Attempts", str(state.attempt) if state.attempt else None),
        ("Took", format_duration(elapsed(state))),
        ("Cost", f"${state.cost_usd:.4f}" if state.cost_usd is not None else None),
        ("Tokens", _tokens(state)),
        ("Sessions", ", ".join(f"`{session}`" for session in state.sessions) or None),
        ("Verification", state.verification),
        ("Checkpoint", f"`{state.checkpoint_sha}`" if state.checkpoint_sha else None),
        ("Brought in", _integration(state)),
        ("Reason", state.approval.reason if state.approval else None),
        ("Rejected", f"by {no.by}: {no.reason}" if (no := state.rejection) else None),
        ("Forced past", start.forced),
        ("Why it stopped", state.detail if state.stop else None),
        ("Denied to the worker", ", ".join(state.denied) or None),
        ("Left uncommitted", ", ".join(state.left_dirty) or None),
    ]
    return "\n".join(f"- {name}: {value}" for name, value in rows if value)


def _tokens(state: RunState) -> str | None:
    if not state.input_tokens and not state.output_tokens:
        return None
    return f"{state.input_tokens:,} in, {state.output_tokens:,} out"


def _integration(state: RunState) -> str | None:
    if state.integration == "kept":
        return f"no, it waits on `{state.start.branch}`" + (
            f" ({state.detail})" if state.detail else ""
        )
    return f"{state.integration} into {state.start.target}" if state.integration else None


def changes(state: RunState, stat: Sequence[Stat]) -> str:
    """Return the section about the files, empty while there is nothing to say."""
    if not stat:
        return "## What changed\n\nNothing was changed." if state.ended else ""
    lines = [f"- `{path}` {_plus_minus(added, deleted)}" for path, added, deleted in stat[:_FILES]]
    more = [f"- and {len(stat) - _FILES} more"] if len(stat) > _FILES else []
    return "## What changed\n\n" + "\n".join(lines + more)


def _plus_minus(added: int | None, deleted: int | None) -> str:
    return "binary" if added is None or deleted is None else f"+{added} -{deleted}"


def _checks(state: RunState, events: Sequence[Event]) -> str:
    if not state.checks:
        return "## What was verified\n\nNo checks ran." if state.ended else ""
    lines = []
    if state.verification == "skipped":
        lines.append("Nothing: the checks were skipped.\n")
    for check in state.checks:
        lines.append(f"- `{check.command}` ({check.tier}): {_verdict(check)}")
        if check.failed and check.tail:
            lines.append(_indented(check.tail[-2000:]))
    return "## What was verified\n\n" + "\n".join([*lines, *_added(events)])


def _verdict(check: CheckResult) -> str:
    if not check.runs:
        return "not run"
    how = "timed out" if check.exit_code is None else f"exit code {check.exit_code}"
    verdict = "passed" if check.passed else f"failed ({how})"
    again = f", {check.runs} runs" if check.runs > 1 else ""
    flaky = f", flaky: it failed before it passed in run {check.runs}" if check.flaky else again
    return f"{verdict} in {format_duration(check.seconds)}{flaky}"


def _added(events: Sequence[Event]) -> list[str]:
    """Return why the last judgement took more checks than the task asks for."""
    lines: list[str] = []
    for event in events:
        if event.type == "phase.started" and event.payload["phase"] == "verify":
            lines = []
        elif event.type == "checks.added":
            facts = event.payload
            where = f"`{facts['path']}` is in `{facts['pattern']}`"
            lines.append(f"- {facts['tier']} was added, because {where}")
    return lines


def _plan(state: RunState) -> str:
    if not state.milestones:
        return ""
    lines = []
    for number, title in enumerate(state.milestones, start=1):
        done = state.checkpoints[number - 1 : number]
        lines.append(f"{number}. {title}: " + (f"`{done[0][:12]}`" if done else "not committed"))
    return "## Milestones\n\n" + "\n".join(lines)


def _review(state: RunState) -> str:
    if state.asked:
        return f"## What the reviewer asked for\n\n{_indented(state.asked[-1])}"
    return f"## Review\n\nApproved by {state.reviewed_by}." if state.reviewed_by else ""


def _phases(events: Sequence[Event]) -> str:
    lines, begun = [], None
    for event in events:
        if event.type in ("phase.started", "run.resumed"):
            begun = datetime.fromisoformat(event.time)
        elif event.type == "phase.finished" and begun is not None:
            took = (datetime.fromisoformat(event.time) - begun).total_seconds()
            cost = event.payload.get("cost_usd")
            price = f", ${cost:.4f}" if cost else ""
            phase, outcome = event.payload["phase"], event.payload["outcome"]
            lines.append(f"- {phase}: {outcome} in {format_duration(took)}{price}")
    return "## Phases\n\n" + "\n".join(lines) if lines else ""


def _along_the_way(events: Sequence[Event]) -> str:
    """Return what was noted, and who took a session's work over or completed it by hand."""
    lines = []
    for event in events:
        facts, when = event.payload, f"{event.time[:16]}Z"
        match event.type:
            case "note.added":
                who = facts.get("by") or event.source
                lines.append(f"- {when} {who}: {facts['text']}")
            case "session.joined":
                session = facts["session_id"]
                lines.append(f"- {when} taken up by session `{session}`: {facts['why']}")
            case "phase.finished" if "by" in facts:
                lines.append(f"- {when} handed in by {facts['by']}")
    return "## Along the way\n\n" + "\n".join(lines) if lines else ""


def _submissions(events: Sequence[Event]) -> str:
    lines = []
    for event in events:
        if event.type == "submit.finished":
            facts = event.payload
            forced = f", forced by {facts['by']}: {facts['forced']}" if facts["forced"] else ""
            at = f"`{facts['to']}` is at `{facts['sha']}`"
            lines.append(f"- {event.time[:10]}: {facts['how']}, {at}{forced}")
    return "## Submitted\n\n" + "\n".join(lines) if lines else ""


def _words(state: RunState) -> str:
    return f"## The worker's last words\n\n{_indented(state.words)}" if state.words else ""


def _next(state: RunState) -> str:
    steps = next_steps(state)
    return "## Next\n\n" + "\n".join(f"    {step}" for step in steps) if steps else ""


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines())


def render_receipt(state: RunState, stat: Sequence[Stat]) -> str:
    """Return the receipt as Markdown."""
    word = state.approval
    rows = [
        ("Run", f"`{state.id}`"),
        ("Task", f"`{state.start.task}`" if state.start.task else None),
        ("Who", word.by if word else None),
        ("Why", " ".join(word.reason.split()) if word else None),
        ("When", f"{state.ended_at[:19]}Z" if state.ended_at else None),
        ("Branch", f"`{state.start.target}`" if state.start.target else None),
        ("Commit", f"`{state.checkpoint_sha}`" if state.checkpoint_sha else None),
        ("Why it stopped", state.detail if state.stop else None),
    ]
    facts = "\n".join(f"- {name}: {value}" for name, value in rows if value)
    note = "This is manual work: no check judged it, and it completes no task."
    return "\n\n".join([f"# {headline(state)}", facts, note, changes(state, stat)]) + "\n"
