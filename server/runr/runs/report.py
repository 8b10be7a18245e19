"""The report of a run, as Markdown for people. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from runr.next_steps.runs import Action, RunFacts, after_run
from runr.next_steps.step import CLI, NextStep
from runr.runs import stop_reasons
from runr.runs.events import (
    ChecksEscalated,
    Event,
    FinishedPhase,
    InputsChanged,
    NoteAdded,
    PhaseStarted,
    PlanFinished,
    RefsMoved,
    ReviewFinished,
    RunResumed,
    SubmitFinished,
    TreeChanged,
    WorkFinished,
)
from runr.runs.hook_events import HookFinished
from runr.runs.model import Approval, CheckResult, Phase, RunState
from runr.runs.session_events import SessionAttached
from runr.tasks.model import short_name
from runr.text import (
    escape_markdown,
    format_duration,
    join_limited,
    join_names,
    markdown_code,
    readable_name,
)

Stat = tuple[str, int | None, int | None]

_FOREIGN = "This is a record of another clone of the repository: it proves nothing here."

#: Files that are listed; git has them all.
_FILES = 100


def render(
    state: RunState, events: Sequence[Event], stat: Sequence[Stat], *, foreign: bool = False
) -> str:
    """Return the report as Markdown; `foreign` tells whether it is a record of another clone."""
    parts = [
        f"# {escape_markdown(headline(state))}",
        _FOREIGN if foreign else "",
        _facts(state),
        _plan(state),
        changes(state, stat),
        _checks(state, events),
        _review(state),
        _phases(events),
        _refs(events),
        _inputs(events),
        _tree_changes(events),
        _notes(events),
        _submissions(events),
        _last_message(state),
        "" if foreign else _next(state),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(state: RunState) -> str:
    """Return one line: which task, and how the run ended."""
    name = short_name(state.start.task) or "(no task)"
    if state.result is None:
        return f"{name}: still running"
    approval = state.decision.approval
    if state.start.kind == "manual_commit" and approval and state.result == "completed":
        return f"{name}: manual commit by {approval.signature}"
    if state.start.kind == "acknowledgement" and approval:
        return f"{name}: still valid, acknowledged by {approval.signature}"
    if state.start.kind == "reset" and approval and state.result == "completed":
        return f"{name}: completion taken back by {approval.signature}"
    if state.result == "stopped":
        return f"{name}: stopped, {stop_reasons.explain(state.stop_reason, state.start.worker)}"
    forced = ", forced" if state.start.override_reason else ""
    if approval:
        result = state.verification.result
        checks = f", checks {result}" if result in ("skipped", "failed") else ""
        how = f"attested by {approval.by}"
        if approval.is_relayed and approval.channel:
            how = f"relayed by {approval.channel.client}, confirmed by no person"
        return f"{name}: completed ({how}{checks}{forced})"
    candidate = state.verification.candidate
    where = " in the workspace" if candidate and candidate.where == "workspace" else ""
    return f"{name}: completed and verified{where}{forced}"


#: The heading of the last section.
_NEXT = "## Next\n"


def next_steps(
    state: RunState,
    *,
    has_tree: bool = True,
    lands_on: str = "",
    merging: Literal["", "open", "resolved"] = "",
) -> tuple[NextStep, ...]:
    """Return what to do next about a run; `has_tree` tells whether its working tree exists.

    `lands_on` and `merging` are those of RunFacts.
    """
    start = state.start
    return after_run(
        RunFacts(
            id=state.id,
            task=start.task,
            result=state.result,
            kind=start.kind,
            worker=_working(state),
            branch=start.branch or "HEAD",
            workdir=start.workdir if has_tree else "",
            base=start.base_sha,
            checkpoint=state.checkpoint_sha or "",
            target=start.target or "",
            lands_on=lands_on,
            merging=merging,
            actions=("report", "run") if state.reverted else _actions(state),
            has_markers=bool(state.rework.files) and not state.rework.why,
            look=state.integration.look or _left(state),
        )
    )


def _actions(state: RunState) -> tuple[Action, ...]:
    return stop_reasons.find(state.stop_reason or "error").next


def _left(state: RunState) -> tuple[str, ...]:
    """Return what shows the files in a worktree that keep its work from being moved."""
    return ("-C", state.start.workdir, "status") if state.phase is Phase.PREPARE else ("status",)


def _working(state: RunState) -> str:
    """Return the worker of the current phase, or of the one in which the run stopped."""
    spec = state.start.spec
    others = {Phase.PLAN: spec.plan, Phase.REVIEW: spec.review}
    return (others.get(state.phase) if state.phase else None) or state.last_worker


def elapsed(state: RunState, until: str | None = None) -> float:
    """Return the seconds from the run's opening to its end."""
    end = state.ended_at or until or state.updated_at
    begin = datetime.fromisoformat(state.created_at)
    # `until` may have a precision of seconds, and then be before the beginning.
    return max(0.0, (datetime.fromisoformat(end) - begin).total_seconds())


def _facts(state: RunState) -> str:
    start = state.start
    rows = [
        ("Run", f"`{state.id}`"),
        ("Task", markdown_code(start.task)),
        ("Worker", _text(state.last_worker)),
        ("Attempts", str(state.attempts_made) if state.attempt else None),
        ("Took", format_duration(elapsed(state))),
        ("Cost", f"${state.usage.cost_usd:.4f}" if state.usage.cost_usd is not None else None),
        ("Tokens", _tokens(state)),
        ("Sessions", ", ".join(map(markdown_code, state.sessions)) or None),
        ("Verification", state.verification.result),
        *_candidate(state),
        ("Checkpoint", f"`{state.checkpoint_sha}`" if state.checkpoint_sha else None),
        ("Merged", _integration(state)),
        ("Moved", _moved(state)),
        *_statement(state.decision.approval),
        (
            "Rejected",
            _text(f"by {no.by}: {no.reason}") if (no := state.decision.rejection) else None,
        ),
        ("Overridden", _text(start.override_reason)),
        ("Why it stopped", _text(state.detail) if state.stop_reason else None),
        ("Denied tools", _text(", ".join(state.denied))),
        ("Left uncommitted", _text(join_names(state.left_dirty))),
    ]
    return "\n".join(f"- {name}: {value}" for name, value in rows if value)


def _moved(state: RunState) -> str | None:
    if not state.rework.moves:
        return None
    target = escape_markdown(state.start.target or "the branch")
    why = "lost the base of the run" if state.rework.lost_base else "has moved"
    return f"the work only, onto `{state.rework.onto}`: {target} {why}"


def _candidate(state: RunState) -> tuple[tuple[str, str | None], ...]:
    """Return what the checks ran on, and which files are in no commit."""
    candidate = state.verification.candidate
    if candidate is None:
        return ()
    clean = candidate.where == "checkout"
    return (
        ("Checked tree", f"`{candidate.tree}`, in a clean checkout" if clean else None),
        ("Checked in", None if clean else "the workspace, with files that are in no commit"),
        ("Confirms", "the completion before: nothing was changed" if candidate.confirms else None),
        ("Carried", _text(join_names(candidate.carried))),
        ("Changed in carried folders", _text(join_names(candidate.carried_changes))),
        ("Also mounted over", _text(join_names(candidate.covered))),
        ("Ignored by git", _text(join_names(candidate.ignored))),
    )


def _tokens(state: RunState) -> str | None:
    if not state.usage.input_tokens and not state.usage.output_tokens:
        return None
    return f"{state.usage.input_tokens:,} in, {state.usage.output_tokens:,} out"


def _integration(state: RunState) -> str | None:
    done = state.integration
    if state.stop_reason in stop_reasons.LANDING:
        return f"no, the work is on {markdown_code(state.start.branch or 'HEAD')}"
    if not done.strategy:
        return None
    without = f", without its changes to {join_limited(done.dropped, 5)}" if done.dropped else ""
    return _text(f"{done.strategy} into {done.target or state.start.target}{without}")


def changes(state: RunState, stat: Sequence[Stat]) -> str:
    """Return the section about the files, empty while there is nothing to say."""
    if not stat:
        return "## What changed\n\nNothing was changed." if state.result else ""
    lines = [
        f"- {markdown_code(readable_name(path))} {_plus_minus(added, deleted)}"
        for path, added, deleted in stat[:_FILES]
    ]
    more = [f"- and {len(stat) - _FILES} more"] if len(stat) > _FILES else []
    return "## What changed\n\n" + "\n".join(lines + more)


def _plus_minus(added: int | None, deleted: int | None) -> str:
    return "binary" if added is None or deleted is None else f"+{added} -{deleted}"


def _checks(state: RunState, events: Sequence[Event]) -> str:
    if not state.verification.checks:
        return "## What was verified\n\nNo checks ran." if state.result else ""
    lines = []
    if state.verification.result == "skipped":
        lines.append("The checks were skipped.\n")
    for check in state.verification.checks:
        lines.append(f"- {markdown_code(check.command)} ({check.tier}): {_verdict(check)}")
        if check.failed and check.tail:
            # Behind an empty line and deeper than the text of the item: a block of code.
            lines.append("\n" + _indented(check.tail[-2000:], 6))
    return "## What was verified\n\n" + "\n".join([*lines, *_escalations(events)])


def _verdict(check: CheckResult) -> str:
    if not check.runs:
        return "not run"
    how = "timed out" if check.exit_code is None else f"exit code {check.exit_code}"
    verdict = "passed" if check.passed else f"failed ({how})"
    again = f", {check.runs} runs" if check.runs > 1 else ""
    flaky = f", flaky: it failed before it passed in run {check.runs}" if check.flaky else again
    note = f"; {escape_markdown(check.note)}" if check.note else ""
    return f"{verdict} in {format_duration(check.seconds)}{flaky}{note}"


def _escalations(events: Sequence[Event]) -> list[str]:
    """Return why the last verification ran more checks than the task asks for."""
    lines: list[str] = []
    for event in events:
        match event.data:
            case PhaseStarted(phase=Phase.VERIFY):
                lines = []
            case ChecksEscalated(pattern, tier, path):
                lines.append(
                    f"- {tier} was added, because {markdown_code(readable_name(path))} matches "
                    f"{markdown_code(pattern)}"
                )
    return lines


def _plan(state: RunState) -> str:
    if not state.milestones:
        return ""
    lines = []
    for number, title in enumerate(state.milestones, start=1):
        done = state.checkpoints[number - 1 : number]
        commit = f"`{done[0][:12]}`" if done else "not committed"
        lines.append(f"{number}. {escape_markdown(title)}: {commit}")
    return "## Milestones\n\n" + "\n".join(lines)


def _review(state: RunState) -> str:
    if state.review.feedback:
        return f"## Requested by the reviewer\n\n{_indented(state.review.feedback[-1])}"
    reviewer = state.review.approved_by
    return f"## Review\n\nApproved by {escape_markdown(reviewer)}." if reviewer else ""


def _phases(events: Sequence[Event]) -> str:
    lines, begun = [], None
    for event in events:
        match event.data:
            case PhaseStarted() | RunResumed():
                begun = datetime.fromisoformat(event.time)
            case data if isinstance(data, FinishedPhase) and begun is not None:
                took = (datetime.fromisoformat(event.time) - begun).total_seconds()
                spent = f"{format_duration(took)}{_cost(data)}"
                lines.append(f"- {data.phase}: {data.outcome} in {spent}")
    return "## Phases\n\n" + "\n".join(lines) if lines else ""


def _cost(data: FinishedPhase) -> str:
    if not isinstance(data, PlanFinished | WorkFinished | ReviewFinished):
        return ""
    return f", ${data.usage.cost_usd:.4f}" if data.usage.cost_usd else ""


def _refs(events: Sequence[Event]) -> str:
    """Return the branches and tags that were moved while a worker worked."""
    found = [event.data for event in events if isinstance(event.data, RefsMoved)]
    moved = [each for data in found for each in data.refs]
    lines = [f"- {escape_markdown(each.message)}" for each in moved]
    return "## Refs that were moved\n\n" + "\n".join(lines) if lines else ""


def _inputs(events: Sequence[Event]) -> str:
    """Return what was changed of settings and task while a worker worked, and who accepted it."""
    lines = []
    for event in events:
        match event.data:
            case InputsChanged(detail=detail, put_back=put_back):
                lines.append(f"- {_text(detail)}{', put back' if put_back else ''}")
            case RunResumed(accepted_by=str(person)):
                lines.append(f"- accepted by {escape_markdown(person)}")
    return "## Changed while the worker worked\n\n" + "\n".join(lines) if lines else ""


def _tree_changes(events: Sequence[Event]) -> str:
    """Return what changed in the user's working tree while a worker worked in a worktree."""
    found = [event.data for event in events if isinstance(event.data, TreeChanged)]
    lines = [f"- {escape_markdown(change)}" for data in found for change in data.changes]
    who = "By you, the worker or another program:"
    title = "## Changed in your working tree meanwhile"
    return f"{title}\n\n{who}\n\n" + "\n".join(lines) if lines else ""


def _notes(events: Sequence[Event]) -> str:
    """Return the notes, which sessions took the run over, and who submitted their work."""
    lines = []
    for event in events:
        when = f"{event.time[:16]}Z"
        match event.data:
            case NoteAdded(text, _, by):
                lines.append(f"- {when} {_text(f'{by or event.source}: {text}')}")
            case SessionAttached(session_id, why):
                lines.append(
                    f"- {when} resumed by session {markdown_code(session_id)}: {_text(why)}"
                )
            case WorkFinished(by=str(by)):
                lines.append(f"- {when} submitted by {escape_markdown(by)}")
    return "## Notes\n\n" + "\n".join(lines) if lines else ""


def with_hooks(text: str, state: RunState, events: Sequence[Event]) -> str:
    """Return the report with what lifecycle hooks did, which are called after it is written."""
    if state.reverted:
        text = f"{text.rpartition(_NEXT)[0]}{_next(state)}\n"
    called = _called_hooks(events)
    return f"{text}\n{called}\n" if called else text


def _called_hooks(events: Sequence[Event]) -> str:
    lines = []
    for event in events:
        match event.data:
            case HookFinished(seconds=seconds, tries=tries) as called:
                again = f", {tries} tries" if tries > 1 else ""
                took = f" in {format_duration(seconds)}{again}"
                which = f"{called.point} hook {markdown_code(called.name)}"
                lines.append(f"- {event.time[:16]}Z {which}: {_text(called.result)}{took}")
                lines += [_indented(called.detail)] if called.failed and called.detail else []
    return "## Lifecycle hooks\n\n" + "\n".join(lines) if lines else ""


def _submissions(events: Sequence[Event]) -> str:
    lines = []
    for event in events:
        match event.data:
            case SubmitFinished(to, strategy, _, sha, why, by):
                forced = f", forced by {_text(f'{by}: {why}')}" if why else ""
                at = f"{markdown_code(to)} is at `{sha}`"
                lines.append(f"- {event.time[:10]}: {strategy}, {at}{forced}")
    return "## Submitted\n\n" + "\n".join(lines) if lines else ""


def _last_message(state: RunState) -> str:
    if not state.last_message:
        return ""
    return f"## The worker's last message\n\n{_indented(state.last_message)}"


def _next(state: RunState) -> str:
    steps = CLI.lines(next_steps(state))
    return f"{_NEXT}\n" + "\n".join(f"    {step}" for step in steps) if steps else ""


def _statement(approval: Approval | None) -> list[tuple[str, str | None]]:
    """Return what was declared, in whose name, and how that reached runr."""
    if approval is None:
        return []
    way = approval.channel.describe() if approval.channel else None
    return [
        ("Reason", _text(approval.reason)),
        ("In the name of", _text(approval.by) if approval.is_relayed else None),
        ("Confirmed" if not approval.is_relayed else "Relayed", _text(way)),
    ]


def _indented(text: str, columns: int = 4) -> str:
    return "\n".join(" " * columns + line for line in text.rstrip().splitlines())


def _text(value: str | None) -> str | None:
    """Return a text as it stands in an item of a list, line by line; None for an empty one."""
    lines = (escape_markdown(line) for line in (value or "").splitlines() if line.strip())
    return "\n  ".join(lines) or None


def render_receipt(state: RunState, stat: Sequence[Stat]) -> str:
    """Return the receipt as Markdown."""
    approval = state.decision.approval
    rows = [
        ("Run", f"`{state.id}`"),
        ("Task", markdown_code(state.start.task)),
        ("Who", _text(approval.signature) if approval else None),
        ("Why", escape_markdown(approval.reason) if approval else None),
        ("When", f"{state.ended_at[:19]}Z" if state.ended_at else None),
        ("Branch", markdown_code(state.start.target or "")),
        ("Commit", f"`{state.checkpoint_sha}`" if state.checkpoint_sha else None),
        ("Why it stopped", _text(state.detail) if state.stop_reason else None),
    ]
    facts = "\n".join(f"- {name}: {value}" for name, value in rows if value)
    note = "This is a manual commit: it was not verified, and it completes no task."
    return (
        "\n\n".join([f"# {escape_markdown(headline(state))}", facts, note, changes(state, stat)])
        + "\n"
    )
