"""Commands that import tasks from other tools and export them."""

import sys
from typing import get_args

import click
from click import style

from runr.cli import console
from runr.cli.app import Invocation, command
from runr.interchange import exporter, importer
from runr.interchange.exporter import ExportFormat, ExportRequest
from runr.interchange.import_plan import DonePolicy
from runr.interchange.importer import ImportedTask, ImportRequest, ImportResult
from runr.interchange.sources import TITLES, Tool
from runr.storage.layout import TASKS
from runr.text import pluralize

_MARKS = {
    "write": ("+", "green"),
    "known": ("=", None),
    "taken": ("!", "red"),
    "leave": ("-", None),
}


def render_import(answer: ImportResult) -> str:
    """Return one line for each task, then the totals."""
    names = {task.source: _name(task) for task in answer.tasks}
    width = max(map(len, names.values()), default=0)
    lines = [f"{TITLES[answer.tool]}, {answer.file}:"]
    for task in answer.tasks:
        mark, colour = _MARKS[task.action]
        message = "  ".join(filter(None, (f"{names[task.source]:<{width}}", _describe(task))))
        lines.append(f"  {style(mark, fg=colour)} {message}".rstrip())
        notes = task.notes if task.action == "write" else []
        lines += [f"      {style('note', fg='yellow')}: {note}" for note in notes]
    lines.append(_totals(answer))
    lines += [f"{style('note', fg='yellow')}: {note}" for note in answer.notes]
    if answer.next:
        lines += ["Next:", *(f"  {step}" for step in answer.next)]
    return "\n".join(lines)


def _name(task: ImportedTask) -> str:
    return task.path.removeprefix(f"{TASKS}/") if task.path else task.source


def _describe(task: ImportedTask) -> str:
    if task.action == "leave":
        return f"left out: {', '.join(task.notes)}"
    if task.action == "taken":
        return "a file with this name already exists"
    here = "already imported" if task.action == "known" else ""
    done = f"{task.said} there: attested, not verified" if task.completed else ""
    waits = f"after {', '.join(task.depends_on)}" if task.depends_on else ""
    return "  ".join(part for part in (here, done, waits) if part)


def _totals(answer: ImportResult) -> str:
    would = "would be " if answer.dry_run else ""
    message = f"{pluralize(answer.written, 'task')} {would}written"
    counts = {"known": "already imported", "taken": "with a taken name", "leave": "left out"}
    for action, words in counts.items():
        number = sum(task.action == action for task in answer.tasks)
        message += f", {number} {words}" if number else ""
    if answer.completed:
        message += f"; {answer.completed} {would}recorded as completed (attested by {answer.by}, not verified)"
    return f"{message}."


@command("import")
@click.argument("file", metavar="FILE|FOLDER")
@click.option(
    "--from", "tool", type=click.Choice(get_args(Tool)), help="Source tool; detected automatically."
)
@click.option(
    "--into", default="", metavar="FOLDER", help="Import into this folder of .runr/tasks."
)
@click.option("--tag", "tags", multiple=True, help="Add this tag to every task; repeatable.")
@click.option(
    "--list",
    "only",
    multiple=True,
    metavar="TAG",
    help="Import only this list of a Task Master file; repeatable.",
)
@click.option(
    "--done",
    type=click.Choice(get_args(DonePolicy)),
    default="attest",
    help="Tasks that are done there: attest them, leave them open, or skip them.",
)
@click.option("--by", help="Person who attests them; default: git user.name.")
@click.option(
    "--dry-run", "--preview", is_flag=True, help="Show what would be written, without writing it."
)
@click.option("--yes", "-y", is_flag=True, help="Write without asking.")
def import_(invocation: Invocation, *, yes: bool, dry_run: bool, **options: object) -> None:
    """Import tasks from another tool.

    Reads Task Master, Beads, Backlog.md, GitHub issues and runr archives.
    """
    project = invocation.project()
    request = ImportRequest.model_validate({**options, "dry_run": dry_run})
    asks = sys.stdin.isatty() and not (yes or dry_run or invocation.as_json)
    if asks:
        planned = importer.import_tasks(project, request.model_copy(update={"dry_run": True}))
        invocation.show(planned, render_import)
        click.confirm("Write this?", abort=True)
    answer: ImportResult = importer.import_tasks(project, request)
    invocation.show(answer, render_import)


@command("export")
@click.option(
    "--format",
    "format",
    type=click.Choice(get_args(ExportFormat)),
    default="json",
    help="Output format.",
)
@click.option("--output", metavar="FILE", help="Write to FILE; a directory for the format backlog.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def export(invocation: Invocation, **options: object) -> None:
    """Export tasks, statuses and history.

    Other formats than json export the tasks for another tool.
    """
    answer = exporter.export_tasks(invocation.project(), ExportRequest.model_validate(options))
    if isinstance(answer, str):
        # Not `show`: an export must be byte for byte the same, whatever the terminal's encoding.
        sys.stdout.buffer.write(answer.encode())
    else:
        invocation.show(answer, console.render_result)
