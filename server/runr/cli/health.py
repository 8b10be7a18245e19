"""The command `health`: what in the records needs attention."""

from __future__ import annotations  # its models load the library of the history

from typing import TYPE_CHECKING

import click
from click import style

from runr.cli.app import Invocation, command
from runr.errors import ExitCode, UsageError
from runr.tasks.model import short_name
from runr.text import flat, format_bytes, parse_duration, pluralize, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runr.history.health import HealthFinding, HealthReport, Kind
    from runr.maintenance.disk_use import DiskUse

_COLORS = {"error": "red", "warning": "yellow"}
#: What takes less of the disk is only in the JSON.
_SHOWN = 1_000_000
_SIGNS = {"error": "✗", "warning": "!"}


@command("health", reports_settings=True)
@click.option("--recheck", is_flag=True, help="Run the checks of all completions again.")
@click.option(
    "--stuck-after",
    metavar="AGE",
    help="A run without an event for so long is stuck; default: 24h.",
)
@click.option("--strict", is_flag=True, help="Exit 1 on warnings too.")
def health(invocation: Invocation, stuck_after: str | None, *, recheck: bool, strict: bool) -> int:
    """Show what in the records needs attention.

    Completions that do not hold, records that disagree, stuck and flapping tasks, checks that
    never pass, and leftovers. Exits with 1 on errors.
    """
    from runr.history import health as examination  # noqa: PLC0415 - see above
    from runr.proof.recheck import Rechecker  # noqa: PLC0415 - see above

    project = invocation.project()
    answer = examination.examine(
        project,
        stuck_s=_seconds(stuck_after, examination.STUCK_S),
        strict=strict,
        recheck=Rechecker(project=project, on="recorded") if recheck else None,
    )
    invocation.show(answer, lambda found: _render(found, examination.KINDS))
    return ExitCode.DONE if answer.passed else ExitCode.FAILED


def _seconds(age: str | None, usual: int) -> int:
    try:
        return usual if age is None else parse_duration(age)
    except ValueError as error:
        raise UsageError(f"--stuck-after: {error}") from None


def _render(answer: HealthReport, kinds: Mapping[Kind, str]) -> str:
    lines: list[str] = []
    for kind, title in kinds.items():
        found = [each for each in answer.findings if each.kind == kind]
        if found:
            lines.append(f"{title}:")
            lines += [line for each in found for line in _finding(each)]
            more = answer.counts[kind] - len(found)
            lines += [f"  … and {more} more"] if more else []
    return "\n".join([*lines, *_disk_use(answer.disk_use), _summary(answer)])


def _disk_use(used: DiskUse) -> list[str]:
    if used.worktree_bytes + used.checkout_bytes < _SHOWN:
        return []
    parts = [("worktrees", used.worktree_bytes), ("kept checkouts", used.checkout_bytes)]
    named = ", ".join(f"{what} {format_bytes(number)}" for what, number in parts if number)
    return [f"On the disk: {'' if used.complete else 'at least '}{named}"]


def _finding(each: HealthFinding) -> list[str]:
    sign = style(_SIGNS[each.severity], fg=_COLORS[each.severity])
    name = f"{printable(short_name(each.task_path))}: " if each.task_path else ""
    steps = [f"      {step}" for step in each.next_steps]
    return [f"  {sign} {name}{flat(each.message)}", *steps]


def _summary(answer: HealthReport) -> str:
    verb = "holds" if answer.completion_count == 1 else "hold"
    how = f"{verb}, with the checks run again" if answer.rechecked else verb
    if not answer.error_count + answer.warning_count:
        total = pluralize(answer.completion_count, "completion")
        return f"{style('✓', fg='green')} nothing needs attention; {total} {how}"
    sign = style("✓", fg="green") if answer.passed else style("✗", fg="red")
    errors = pluralize(answer.error_count, "error")
    return f"{sign} {errors}, {pluralize(answer.warning_count, 'warning')}"
