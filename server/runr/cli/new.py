"""The command that writes a task file."""

from typing import get_args

import click

from runr.app import new as newtask
from runr.app.answers import Kind
from runr.app.new import NewRequest, TemplateList
from runr.cli import render
from runr.cli.surface import Surface, command, task_names
from runr.core.template import MEANINGS


@command("new")
@click.argument("name", metavar="TASK", required=False)
@click.option("--template", default="feature", help=f"{', '.join(MEANINGS)}, or your own.")
@click.option("--title", help="What it is called; without TASK, its file is named after it.")
@click.option("--type", "type", type=click.Choice(get_args(Kind)), help="Who does it.")
@click.option(
    "--depends-on", multiple=True, shell_complete=task_names, help="A task that has to be first."
)
@click.option("--tag", "tags", multiple=True, help="A word to filter by; repeatable.")
@click.option("--edit", is_flag=True, help="Open it in $VISUAL or $EDITOR, then check it.")
@click.option("--list-templates", is_flag=True, help="Only list the templates.")
def new(surface: Surface, *, list_templates: bool, **wish: object) -> None:
    """Write a new task file from a template."""
    project = surface.project()
    if list_templates:
        surface.show(newtask.templates(project), _templates)
    else:
        surface.show(newtask.new_task(project, NewRequest.model_validate(wish)), render.done)


def _templates(answer: TemplateList) -> str:
    width = max(len(row.name) for row in answer.templates)
    rows = [f"  {row.name:<{width}}  {row.meaning}" for row in answer.templates]
    return "\n".join(["Templates:", *rows, "Next:", "  runr new TASK --template NAME"])
