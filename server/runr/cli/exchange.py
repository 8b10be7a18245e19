"""Commands that take tasks over from other tools, and hand them on."""

import sys
from typing import get_args

import click

from runr.app.exchange import exports, imports
from runr.app.exchange.exports import ExportFormat, ExportRequest
from runr.app.exchange.imports import Imported, ImportRequest
from runr.cli import exchange_render, render
from runr.cli.surface import Surface, command
from runr.core.foreignkind import Tool
from runr.core.importplan import DonePolicy


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
def import_(surface: Surface, *, yes: bool, dry_run: bool, **wish: object) -> None:
    """Take over the tasks of Task Master, Beads, Backlog.md, GitHub or another runr."""
    project = surface.project()
    request = ImportRequest.model_validate({**wish, "dry_run": dry_run})
    asks = sys.stdin.isatty() and not (yes or dry_run or surface.as_json)
    if asks:
        planned = imports.import_tasks(project, request.model_copy(update={"dry_run": True}))
        surface.show(planned, exchange_render.imported)
        click.confirm("Write this?", abort=True)
    answer: Imported = imports.import_tasks(project, request)
    surface.show(answer, exchange_render.imported)


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
def export(surface: Surface, **wish: object) -> None:
    """Print tasks, statuses and history, so that nothing is lost; or the tasks for another tool."""
    answer = exports.export(surface.project(), ExportRequest.model_validate(wish))
    if isinstance(answer, str):
        # Not `show`: what is exported must come out byte for byte, whatever the terminal reads.
        sys.stdout.buffer.write(answer.encode())
    else:
        surface.show(answer, render.done)
