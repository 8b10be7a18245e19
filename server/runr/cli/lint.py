"""The command that looks for mistakes in tasks and their records."""

import click

from runr import __version__
from runr.cli.app import Invocation, command, task_names
from runr.cli.filters import filtered
from runr.errors import ExitCode, UsageError
from runr.lint import finding, fixes, rules
from runr.lint.fixes import FixResult
from runr.lint.rules import LintResult
from runr.query import listing
from runr.query.encoding import to_json
from runr.query.filters import Filter
from runr.text import pluralize

_FORMS = ("text", "json", "sarif")
_COLOURS = {"error": "red", "warning": "yellow"}


@command("verify")
@click.argument("tasks", nargs=-1, metavar="[TASK]…", shell_complete=task_names)
@filtered()
@click.option("--format", "form", type=click.Choice(_FORMS), default="text", help="The form.")
@click.option("--strict", is_flag=True, help="End with 1 for warnings, too.")
@click.option("--fix", is_flag=True, help="First mend byte order marks and Windows line ends.")
@click.option("--dry-run", is_flag=True, help="With --fix: only show what would change.")
def verify(
    invocation: Invocation,
    tasks: tuple[str, ...],
    form: str,
    *,
    wanted: Filter,
    strict: bool,
    fix: bool,
    dry_run: bool,
) -> int:
    """Look for mistakes: headers, dependencies, scopes, checks, and statuses without evidence."""
    project = invocation.project()
    if dry_run and not fix:
        raise UsageError("--dry-run belongs to --fix: without it nothing is written anyway")
    tasks = listing.matches_path(project, tasks, wanted)
    if fix:
        done = fixes.fix_files(project, tasks, dry_run=dry_run)
        if dry_run:
            invocation.show(done, _mended)
            return ExitCode.DONE
        if done.changed and not invocation.as_json and form == "text":
            click.echo(_mended(done))
    answer = rules.lint_tasks(project, tasks, strict=strict)
    if form == "sarif":
        click.echo(finding.render_sarif(answer.findings, __version__), nl=False)
    elif form == "json":
        click.echo(to_json(answer))
    else:
        invocation.show(answer, _verified)
    return ExitCode.DONE if answer.passed else ExitCode.FAILED


def _mended(done: FixResult) -> str:
    verb = "would be mended" if done.dry_run else "mended"
    if not done.changed:
        return "Nothing to mend."
    return f"{done.diff}{pluralize(len(done.changed), 'file')} {verb}."


def _verified(answer: LintResult) -> str:
    lines = []
    for each in answer.findings:
        place = f"{each.path}:{each.line}" if each.line else each.path
        word = click.style(each.severity, fg=_COLOURS[each.severity])
        lines.append(f"{place}: {word}: {each.message} [{each.rule}]")
    tasks = pluralize(answer.tasks, "task")
    if not lines:
        return f"{tasks}: nothing is wrong."
    wrong = f"{pluralize(answer.errors, 'error')}, {pluralize(answer.warnings, 'warning')}"
    return "\n".join([*lines, f"{tasks}: {wrong}."])
