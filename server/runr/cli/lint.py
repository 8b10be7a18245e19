"""The command `lint`: check task files, settings and records, and fix what is mechanical."""

import click

from runr import __version__
from runr.cli.answers import answer_document
from runr.cli.app import Invocation, command, task_names
from runr.cli.console import Choice
from runr.cli.filters import filtered
from runr.errors import ExitCode, UsageError
from runr.lint import finding, fixes, records, rules
from runr.lint.fixes import FixResult
from runr.lint.rules import LintResult
from runr.query import listing
from runr.query.filters import Filter
from runr.text import pluralize

_FORMATS = ("text", "json", "sarif")
_COLORS = {"error": "red", "warning": "yellow"}


@command("lint", reports_settings=True)
@click.argument("tasks", nargs=-1, metavar="[TASK]...", shell_complete=task_names)
@filtered()
@click.option("--format", "form", type=Choice(_FORMATS), default="text", help="Output format.")
@click.option("--strict", is_flag=True, help="Exit 1 on warnings too.")
@click.option("--fix", is_flag=True, help="Fix byte order marks and Windows line ends first.")
@click.option(
    "--dry-run", is_flag=True, help="With --fix: show what would change, without changing it."
)
def lint(
    invocation: Invocation,
    tasks: tuple[str, ...],
    form: str,
    *,
    wanted: Filter,
    strict: bool,
    fix: bool,
    dry_run: bool,
) -> int:
    """Check task files, settings and records.

    Covers headers, dependencies, scopes, checks, settings, damaged records and
    statuses without evidence.
    """
    project = invocation.project()
    if dry_run and not fix:
        raise UsageError("--dry-run requires --fix: nothing is written without it")
    if wanted:
        records.require_readable(project)
    tasks = listing.matches_path(project, tasks, wanted)
    if fix:
        done = fixes.fix_files(project, tasks, dry_run=dry_run)
        if dry_run:
            invocation.show(done, _fixed)
            return ExitCode.DONE
        if done.changed and not invocation.as_json and form == "text":
            click.echo(_fixed(done))
    answer = rules.lint_tasks(project, tasks, strict=strict)
    if form == "sarif":
        click.echo(finding.render_sarif(answer.diagnostics, __version__), nl=False)
    elif form == "json":
        click.echo(answer_document(answer))
    else:
        invocation.show(answer, _linted)
    return ExitCode.DONE if answer.passed else ExitCode.FAILED


def _fixed(done: FixResult) -> str:
    verb = "would be fixed" if done.dry_run else "fixed"
    if not done.changed:
        return "Nothing to fix."
    return f"{done.diff}{pluralize(len(done.changed), 'file')} {verb}."


def _linted(answer: LintResult) -> str:
    lines = []
    for each in answer.diagnostics:
        place = f"{each.path}:{each.line}" if each.line else each.path
        word = click.style(each.severity, fg=_COLORS[each.severity])
        lines.append(f"{place}: {word}: {each.message} [{each.rule}]")
    tasks = pluralize(answer.task_count, "task")
    if not lines:
        return f"{tasks}: no problems found."
    wrong = (
        f"{pluralize(answer.error_count, 'error')}, {pluralize(answer.warning_count, 'warning')}"
    )
    return "\n".join([*lines, f"{tasks}: {wrong}."])
