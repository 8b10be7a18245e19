"""The command that draws the graph of the tasks."""

import click

from runr.app.tasks import graph as graphs
from runr.cli import graph_render
from runr.cli.filters import filtered
from runr.cli.surface import Surface, command, task_names
from runr.core import dot, mermaid, svg
from runr.core.filter import Filter

_PICTURES = {"mermaid": mermaid.draw, "dot": dot.draw, "svg": svg.draw}


@command("graph")
@click.argument("about", required=False, metavar="[TASK]", shell_complete=task_names)
@filtered()
@click.option(
    "--format",
    "form",
    type=click.Choice(["tree", "json", *_PICTURES]),
    default="tree",
    help="How it is drawn: a tree for the terminal unless told otherwise.",
)
@click.option(
    "--depth", type=click.IntRange(1, 100), default=12, help="So many levels of the tree."
)
@click.option("--limit", type=click.IntRange(0), default=300, help="So many lines; 0 for all.")
def graph(
    surface: Surface, about: str | None, form: str, depth: int, limit: int, *, wanted: Filter
) -> None:
    """Draw what waits for what; with TASK, what that one needs and what it unblocks."""
    graphed = graphs.gather(surface.project(), wanted, about)
    if form == "json" or surface.as_json:
        click.echo(graphs.answer(graphed).model_dump_json(indent=2))
    elif form == "tree":
        surface.say(graph_render.graph(graphed, depth=depth, limit=limit))
    else:
        click.echo(_PICTURES[form](graphs.picture(graphed)), nl=False)
