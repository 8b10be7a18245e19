"""The command `verify`: prove the recorded completions, and run their checks again."""

from collections.abc import Sequence
from functools import partial
from typing import Literal

import click
from click import style

from runr.cli import console
from runr.cli.app import Invocation, command, task_names
from runr.cli.console import Choice
from runr.cli.filters import filtered
from runr.errors import ExitCode, UsageError
from runr.next_steps import commands
from runr.proof import report
from runr.proof.recheck import Rechecker
from runr.proof.report import ProofResult, ProvedCompletion
from runr.query import listing
from runr.query.filters import Filter
from runr.status.model import Evidence
from runr.tasks.model import short_name
from runr.text import join_limited, pluralize

_LEVELS = [level.value for level in Evidence]


@command("verify", reports_settings=True)
@click.argument("tasks", nargs=-1, metavar="[TASK]...", shell_complete=task_names)
@filtered()
@click.option(
    "--at-least",
    type=Choice(_LEVELS),
    default=Evidence.INFERRED.value,
    help="Weakest evidence that passes; default: inferred.",
)
@click.option("--strict", is_flag=True, help="Exit 1 on stale completions too.")
@click.option("--recheck", is_flag=True, help="Run the recorded checks again in a clean checkout.")
@click.option("--all", "everything", is_flag=True, help="With --recheck: of all completions.")
@click.option(
    "--on",
    type=Choice(["recorded", "current"]),
    default="recorded",
    help="With --recheck: the commit to check, that of the completion or HEAD.",
)
def verify(
    invocation: Invocation,
    tasks: tuple[str, ...],
    *,
    wanted: Filter,
    at_least: str,
    strict: bool,
    recheck: bool,
    everything: bool,
    on: Literal["recorded", "current"],
) -> int:
    """Prove the recorded completions.

    Each is compared with its run, its commit and the history. Exits with 1 where one
    is not proved.
    """
    project = invocation.project()
    if recheck and not (tasks or wanted or everything):
        raise UsageError(
            "--recheck needs a task, a filter such as --since, or --all",
            next_steps=[commands.verify("--recheck", "--all")],
        )
    named = listing.matches_path(project, tasks, wanted)
    checker = Rechecker(project=project, on=on) if recheck else None
    answer = report.verify(
        project,
        named,
        required=bool(tasks) and not wanted,
        at_least=Evidence(at_least),
        strict=strict,
        recheck=checker,
    )
    invocation.show(answer, partial(_proved, again=recheck))
    return ExitCode.DONE if answer.passed else ExitCode.FAILED


def _proved(answer: ProofResult, *, again: bool = False) -> str:
    lines = [f"{style('✗', fg='red')} {problem.message}" for problem in answer.problems]
    unlanded: dict[str, list[ProvedCompletion]] = {}
    for row in answer.completions:
        if row.unlanded_job_id and not row.rechecked:
            unlanded.setdefault(row.unlanded_job_id, []).append(row)
        else:
            lines += _row(row, again=again)
    lines += [line for job, rows in unlanded.items() for line in _unlanded(job, rows)]
    lines.append(_summary(answer))
    return "\n".join([*lines, *console.render_next_steps(answer.next_steps)])


def _row(row: ProvedCompletion, *, again: bool) -> list[str]:
    """Return what has to be known of a completion; nothing of one that is proved as recorded."""
    name = short_name(row.task_path)
    weaker = row.proved != row.recorded
    if row.passed and not weaker and not again:
        return []
    level = _label(row.recorded)
    if row.passed:
        what = f"recorded as {level}, proved as {_label(row.proved)}" if weaker else level
        lines = [f"{console.evidence_sign(row.proved)} {name}: {what}"]
    else:
        lines = [f"{style('✗', fg='red')} {name}: {_refusal(row)}"]
    lines += [f"    {problem.message}" for problem in row.problems]
    lines += [f"    {remark}" for remark in row.remarks]
    if row.rechecked:
        lines += [f"    {line}" for line in _rechecked(row)]
    return [*lines, *(f"    next: {step}" for step in row.next_steps)]


def _unlanded(job: str, rows: Sequence[ProvedCompletion]) -> list[str]:
    """Return what has to be known of completions whose work waits on the branch of a job."""
    names = join_limited([short_name(row.task_path) for row in rows], 3)
    only = f"on the branch of the job run {job} only: {names}"
    are = "are" if len(rows) > 1 else "is"
    return [
        f"{style('✗', fg='red')} {pluralize(len(rows), 'completion')} {are} {only}",
        *(f"    next: {step}" for step in rows[0].next_steps),
    ]


def _refusal(row: ProvedCompletion) -> str:
    """Say why a completion does not pass: not proved, proved too weakly, or stale."""
    if row.proved is None:
        return f"recorded as {_label(row.recorded)}, and that does not hold"
    if any(problem.code == "weak" for problem in row.problems):
        return f"proved as {_label(row.proved)}, which is too weak"
    return f"proved as {_label(row.proved)}, and stale"


def _rechecked(row: ProvedCompletion) -> list[str]:
    again = row.rechecked
    if again is None or not again.passed:
        return [f"  {line}" for line in (again.tail if again else "").splitlines()]
    return [f"its checks passed again on {again.commit_sha[:12]} in {again.seconds:.1f}s"]


def _summary(answer: ProofResult) -> str:
    total = pluralize(len(answer.completions), "completion")
    parts = [f"{number} {_label(level)}" for level, number in answer.counts.items()]
    sign = style("✓", fg="green") if answer.passed else style("✗", fg="red")
    return f"{sign} {total}: {', '.join(parts)}" if parts else f"{sign} {total}"


def _label(level: str | None) -> str:
    return "no evidence" if level is None else console.status_label(level)
