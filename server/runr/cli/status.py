"""Commands about statuses and what they are based on."""

from __future__ import annotations  # the plain status does not need what reads the history

from pathlib import Path
from typing import TYPE_CHECKING

import click

from runr.cli import console, render_tasks
from runr.cli.app import Invocation, command, task_names
from runr.cli.console import Choice, style
from runr.errors import UsageError
from runr.next_steps import commands
from runr.query import listing
from runr.query.listing import TaskQuery
from runr.tasks.model import short_name

if TYPE_CHECKING:
    from runr.cli.overview import Shown
    from runr.lifecycle.decisions import AcknowledgeResult
    from runr.provenance.infer import InferenceResult, InferredTask
    from runr.query.explain import Explanation

_PARTS = (
    *("done", "running", "waiting", "stopped", "stale"),
    *("counts", "activity", "landings", "usage"),
)
_SIGNS = {
    "new": ("≈", "green"),
    "known": ("•", None),
    "weak": ("?", "yellow"),
}


def render_inference(answer: InferenceResult) -> str:
    """Return what the commits prove about each task, with the evidence and the confidence."""
    if not answer.matches:
        return "\n".join(["No commit mentions a task.", *_notes(answer.notes)])
    lines = ["Inferred from commits:"]
    for found in answer.matches:
        lines += _finding(found, applied=answer.applied)
    if answer.applied:
        number = len(answer.changed)
        lines.append("1 status changed" if number == 1 else f"{number} statuses changed")
    steps = console.render_next_steps(answer.next_steps)
    return "\n".join([*lines, *_notes(answer.notes), *steps])


def render_explanation(answer: Explanation) -> str:
    """Return the explanation, followed by the diff of the task file."""
    lines = "\n".join(answer.lines)
    return lines if answer.diff is None else f"{lines}\n\n{answer.diff.rstrip()}"


def render_acknowledgement(answer: AcknowledgeResult) -> str:
    """Return the acknowledged task and its stale reasons."""
    name = short_name(answer.task_path)
    head = f"{style('✎', fg='green')} {name}: acknowledged by {answer.acknowledged_by}"
    return "\n".join([head, *(f"  {stale_reason}" for stale_reason in answer.stale_reasons)])


def _finding(found: InferredTask, *, applied: bool) -> list[str]:
    sign, colour = _SIGNS.get(found.effect, ("↶", "red"))
    name = short_name(found.task_path)
    where = f"{found.commit_sha[:12]}  {found.committed_at}" if found.commit_sha else "no commit"
    head = f"  {style(sign, fg=colour)} {name}  {where}  {found.confidence:.2f} {found.basis}"
    return [head, f"      {_describe(found, applied=applied)}"]


def _describe(found: InferredTask, *, applied: bool) -> str:
    match found.effect:
        case "reverted":
            return f"{found.message}, and {(found.reverting_sha or '')[:12]} reverted it"
        case "known":
            return f"{found.message}; already recorded as {found.evidence or found.status}"
        case "weak":
            return f"{found.message}: not enough to record it"
        case _:
            verb = "was" if applied else "would be"
            return f"{found.message}; {verb} recorded as completed (inferred)"


def _notes(notes: list[str]) -> list[str]:
    return [f"  {style('note', fg='yellow')}: {note}" for note in notes]


@command("status")
@click.option("--tasks", is_flag=True, help="List all tasks.")
@click.option("--summary", is_flag=True, help="Show all parts on one screen, as without options.")
@click.option("--show", type=Choice(_PARTS), help="Show one part, page by page.")
@click.option("--limit", type=int, help="Rows of the page; default: 20, at most 500.")
@click.option(
    "--cursor", metavar="CURSOR", help="Start after this row (`next_cursor` of the page before)."
)
@click.option("--infer-from-git", is_flag=True, help="Infer statuses from the commits.")
@click.option("--apply", is_flag=True, help="Record the inferred statuses.")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    metavar="FROM_0_TO_1",
    help="Minimum confidence of an inference; default: 0.5.",
)
def status(
    invocation: Invocation,
    *,
    tasks: bool,
    summary: bool,
    show: Shown | None,
    limit: int | None,
    cursor: str | None,
    infer_from_git: bool,
    apply: bool,
    min_confidence: float | None,
) -> None:
    """Show what is done, running, waiting and stopped.

    What is stale too, and the cost since yesterday.
    """
    if infer_from_git:
        _infer(invocation, apply=apply, min_confidence=min_confidence)
        return
    if apply or min_confidence is not None:
        option = "--apply" if apply else "--min-confidence"
        raise UsageError(f"{option} requires --infer-from-git", next_steps=[commands.infer()])
    if (limit is not None or cursor is not None) and show is None:
        raise UsageError("--limit and --cursor are of one part: name it with --show")
    if sum((tasks, summary, show is not None)) > 1:
        raise UsageError("--tasks, --summary and --show are different answers: choose one")
    if not tasks:
        # What reads the history is not needed for the others.
        from runr.cli import overview  # noqa: PLC0415 - see above
        from runr.history.paging import Page  # noqa: PLC0415 - see above

        overview.show(invocation, show, Page.of(limit, cursor))
        return
    invocation.show(listing.list_tasks(invocation.project(), TaskQuery()), render_tasks.render_list)


def _infer(invocation: Invocation, *, apply: bool, min_confidence: float | None) -> None:
    # The plain status does not need what reads the history.
    from runr.provenance import infer  # noqa: PLC0415 - see above

    enough = {} if min_confidence is None else {"min_confidence": min_confidence}
    answer = infer.infer_statuses(invocation.project(), apply=apply, **enough)
    invocation.show(answer, render_inference)


@command("why")
@click.argument("task", shell_complete=task_names)
@click.option(
    "--diff", is_flag=True, help="Show what changed in the task file since the completion."
)
def why(invocation: Invocation, task: str, *, diff: bool) -> None:
    """Explain why a task is, or is not, completed."""
    # As in `_infer`.
    from runr.query import explain as query_explain  # noqa: PLC0415 - see above

    invocation.show(
        query_explain.explain(invocation.project(), task, diff=diff), render_explanation
    )


@command("acknowledge")
@click.argument("task", shell_complete=task_names)
@click.option("--reason", help="Why the completion is still valid.")
@click.option("--by", metavar="NAME", help="Name of the person; default: git user.name.")
def acknowledge(invocation: Invocation, task: str, reason: str | None, by: str | None) -> None:
    """Acknowledge a stale completion.

    Records that it is still valid despite the changes since.
    """
    # As in `_infer`.
    from runr.lifecycle import decisions  # noqa: PLC0415 - see above

    answer = decisions.acknowledge(invocation.project(), task, reason=reason, by=by)
    invocation.show(answer, render_acknowledgement)


@command("merge-status")
@click.argument("base", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("ours", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("theirs", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def merge_status(invocation: Invocation, base: Path, ours: Path, theirs: Path) -> None:  # noqa: ARG001 - git reads the file, not an answer
    """Merge two versions of the status file.

    git calls it as a merge driver; the result is written to OURS.
    """
    from runr.maintenance import merge_driver  # noqa: PLC0415 - as in `_infer`

    merge_driver.merge_status(base, ours, theirs)
