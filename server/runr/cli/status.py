"""Commands about where tasks stand, and what that rests on."""

from pathlib import Path

import click
from click import style

from runr.cli import render_tasks
from runr.cli.app import Invocation, command, task_names
from runr.errors import UsageError
from runr.lifecycle.decisions import AcknowledgeResult
from runr.provenance.infer import InferenceResult, InferredTask
from runr.query import listing
from runr.query.explain import Explanation
from runr.query.listing import TaskQuery

_SIGNS = {
    "new": ("≈", "green"),
    "arrived": ("≈", "green"),
    "known": ("•", None),
    "weak": ("?", "yellow"),
}


def render_inference(answer: InferenceResult) -> str:
    """Return what the history says of each task, with its evidence and how sure it is."""
    if not answer.findings:
        return "\n".join(["No commit speaks of a task.", *_notes(answer.notes)])
    lines = ["What the commits say:"]
    for found in answer.findings:
        lines += _finding(found, applied=answer.applied)
    if answer.applied:
        number = len(answer.changed)
        lines.append("1 status changed" if number == 1 else f"{number} statuses changed")
    steps = ["Next:", *(f"  {step}" for step in answer.next_steps)] if answer.next_steps else []
    return "\n".join([*lines, *_notes(answer.notes), *steps])


def render_explanation(answer: Explanation) -> str:
    """Return the explanation, and below it what changed in the task's text."""
    lines = "\n".join(answer.lines)
    return lines if answer.diff is None else f"{lines}\n\n{answer.diff.rstrip()}"


def render_acknowledgement(answer: AcknowledgeResult) -> str:
    """Return what was kept, and though what."""
    name = answer.task.removeprefix(".runr/tasks/")
    head = f"{style('✎', fg='green')} {name}: its completion stands, on the word of {answer.by}"
    return "\n".join([head, *(f"  {stale_reason}" for stale_reason in answer.stale_reasons)])


def _finding(found: InferredTask, *, applied: bool) -> list[str]:
    sign, colour = _SIGNS.get(found.effect, ("↶", "red"))
    name = found.task.removeprefix(".runr/tasks/")
    where = f"{found.commit[:12]}  {found.date}" if found.commit else "no commit"
    head = f"  {style(sign, fg=colour)} {name}  {where}  {found.confidence:.1f} {found.basis}"
    return [head, f"      {_told(found, applied=applied)}"]


def _told(found: InferredTask, *, applied: bool) -> str:
    match found.effect:
        case "reverted":
            return f"{found.message}, and {(found.reverted_by or '')[:12]} took it back"
        case "known":
            return f"{found.message}; recorded as {found.evidence or found.status} already"
        case "arrived":
            verb = "is" if applied else "would be"
            return f"{found.message}; that {verb} recorded as brought in"
        case "weak":
            return f"{found.message}: not enough to record it"
        case _:
            verb = "was" if applied else "would be"
            return f"{found.message}; it {verb} recorded as completed (inferred)"


def _notes(notes: list[str]) -> list[str]:
    return [f"  {style('note', fg='yellow')}: {note}" for note in notes]


@command("status")
@click.option("--tasks", is_flag=True, help="Show the tasks (the default view).")
@click.option("--infer-from-git", is_flag=True, help="Show what the commits prove.")
@click.option("--apply", is_flag=True, help="Record what they prove; needs --infer-from-git.")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    metavar="FROM_0_TO_1",
    help="How sure an inference has to be; default: 0.5.",
)
def status(
    invocation: Invocation,
    *,
    tasks: bool,  # noqa: ARG001 - the default view, by its name
    infer_from_git: bool,
    apply: bool,
    min_confidence: float | None,
) -> None:
    """Show where everything stands."""
    if infer_from_git:
        _infer(invocation, apply=apply, min_confidence=min_confidence)
        return
    if apply or min_confidence is not None:
        option = "--apply" if apply else "--min-confidence"
        raise UsageError(
            f"{option} belongs to --infer-from-git", next_steps=["runr status --infer-from-git"]
        )
    invocation.show(listing.list_tasks(invocation.project(), TaskQuery()), render_tasks.render_list)


def _infer(invocation: Invocation, *, apply: bool, min_confidence: float | None) -> None:
    # The plain status must not pay for what reads the history.
    from runr.provenance import infer  # noqa: PLC0415 - see above

    enough = {} if min_confidence is None else {"min_confidence": min_confidence}
    answer = infer.infer_statuses(invocation.project(), apply=apply, **enough)
    invocation.show(answer, render_inference)


@command("why")
@click.argument("task", shell_complete=task_names)
@click.option("--diff", is_flag=True, help="Show what changed in its text since.")
def why(invocation: Invocation, task: str, *, diff: bool) -> None:
    """Explain in at most ten lines why a task is, or is not, done."""
    # As in `_infer`.
    from runr.query import explain as query_explain  # noqa: PLC0415 - see above

    invocation.show(
        query_explain.explain(invocation.project(), task, diff=diff), render_explanation
    )


@command("accept")
@click.argument("task", shell_complete=task_names)
@click.option("--reason", help="Why it still holds.")
@click.option("--by", help="Who says so; default: git's user.name.")
def accept(invocation: Invocation, task: str, reason: str | None, by: str | None) -> None:
    """Keep a completion though something has changed since; it is recorded."""
    # As in `_infer`.
    from runr.lifecycle.decisions import acknowledge  # noqa: PLC0415 - see above

    answer = acknowledge(invocation.project(), task, reason=reason, by=by)
    invocation.show(answer, render_acknowledgement)


@command("merge-status")
@click.argument("base", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("ours", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("theirs", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def merge_status(invocation: Invocation, base: Path, ours: Path, theirs: Path) -> None:  # noqa: ARG001 - git reads the file, not an answer
    """Merge two versions of the status file into OURS; git calls it."""
    from runr.maintenance import merge_driver  # noqa: PLC0415 - as in `_infer`

    merge_driver.merge_status(base, ours, theirs)
