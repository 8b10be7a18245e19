"""Commands that take tasks over from other tools, and hand them on."""

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
    """Return each task with what becomes of it, and the sum of it."""
    names = {task.source: _name(task) for task in answer.tasks}
    width = max(map(len, names.values()), default=0)
    lines = [f"{TITLES[answer.tool]}, {answer.file}:"]
    for task in answer.tasks:
        mark, colour = _MARKS[task.action]
        message = "  ".join(filter(None, (f"{names[task.source]:<{width}}", _told(task))))
        lines.append(f"  {style(mark, fg=colour)} {message}".rstrip())
        notes = task.notes if task.action == "write" else []
        lines += [f"      {style('note', fg='yellow')}: {note}" for note in notes]
    lines.append(_sum(answer))
    lines += [f"{style('note', fg='yellow')}: {note}" for note in answer.notes]
    if answer.next:
        lines += ["Next:", *(f"  {step}" for step in answer.next)]
    return "\n".join(lines)


def _name(task: ImportedTask) -> str:
    return task.path.removeprefix(f"{TASKS}/") if task.path else task.source


def _told(task: ImportedTask) -> str:
    if task.action == "leave":
        return f"left out: {', '.join(task.notes)}"
    if task.action == "taken":
        return "a file with this name is there already"
    here = "here already" if task.action == "known" else ""
    done = f"{task.said} there: attested, not verified" if task.completed else ""
    waits = f"after {', '.join(task.depends_on)}" if task.depends_on else ""
    return "  ".join(part for part in (here, done, waits) if part)


def _sum(answer: ImportResult) -> str:
    would = "would be " if answer.dry_run else ""
    message = f"{pluralize(answer.written, 'task')} {would}written"
    counts = {"known": "here already", "taken": "with a taken name", "leave": "left out"}
    for action, words in counts.items():
        number = sum(task.action == action for task in answer.tasks)
        message += f", {number} {words}" if number else ""
    if answer.completed:
        message += (
            f"; {answer.completed} {would}recorded as completed on the word of {answer.by}, "
            "since runr checked nothing"
        )
    return f"{message}."


@command("import")
@click.argument("file", metavar="FILE|FOLDER")
@click.option(
    "--from", "tool", type=click.Choice(get_args(Tool)), help="The tool; found out by itself."
)
@click.option("--into", default="", metavar="FOLDER", help="A folder below .runr/tasks.")
@click.option("--tag", "tags", multiple=True, help="Put this tag on every task; repeatable.")
@click.option(
    "--list", "only", multiple=True, metavar="TAG", help="Only this list of a Task Master file."
)
@click.option(
    "--done",
    type=click.Choice(get_args(DonePolicy)),
    default="attest",
    help="What is done there: record it on your word, leave it to be done, or leave it out.",
)
@click.option("--by", help="Whose word it is; default: git's user.name.")
@click.option("--dry-run", "--preview", is_flag=True, help="Only say what would be written.")
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
def import_(invocation: Invocation, *, yes: bool, dry_run: bool, **wish: object) -> None:
    """Take over the tasks of Task Master, Beads, Backlog.md, GitHub or another runr."""
    project = invocation.project()
    request = ImportRequest.model_validate({**wish, "dry_run": dry_run})
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
    help="The form.",
)
@click.option("--output", metavar="FILE", help="Write this file, or folder for backlog.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def export(invocation: Invocation, **wish: object) -> None:
    """Print tasks, statuses and history, so that nothing is lost; or the tasks for another tool."""
    answer = exporter.export_tasks(invocation.project(), ExportRequest.model_validate(wish))
    if isinstance(answer, str):
        # Not `show`: what is exported must come out byte for byte, whatever the terminal reads.
        sys.stdout.buffer.write(answer.encode())
    else:
        invocation.show(answer, console.render_result)
