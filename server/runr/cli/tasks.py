"""Commands that look at tasks."""

from typing import get_args

import click

from runr.app import detail, listing
from runr.app.answers import Kind, Status
from runr.app.listing import Sort, TaskQuery
from runr.cli import render
from runr.cli.surface import Surface, command, task_names

_TASK = click.argument("task", shell_complete=task_names)


@command("list-tasks")
@click.option(
    "--status", "status", multiple=True, type=click.Choice(get_args(Status)), help="Only these."
)
@click.option("--type", "kind", type=click.Choice(get_args(Kind)), help="Only this type.")
@click.option("--tag", help="Only tasks with this tag.")
@click.option("--ready", is_flag=True, help="Only tasks that can be started now.")
@click.option("--blocked", is_flag=True, help="Only tasks that wait for others.")
@click.option("--stale", is_flag=True, help="Only completed tasks that have changed since.")
@click.option("--search", help="Only tasks with this text in name or title.")
@click.option("--sort", type=click.Choice(get_args(Sort)), default="path", help="The order.")
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0 for all.")
@click.option("--cursor", help="Continue behind this task.")
def list_tasks(
    surface: Surface, status: tuple[Status, ...], kind: Kind | None, limit: int, **rest: object
) -> None:
    """List the tasks with their status, dependencies and evidence."""
    query = TaskQuery.model_validate(
        {"status": status, "type": kind, "limit": limit or None, **rest}
    )
    surface.show(listing.list_tasks(surface.project(), query), render.task_list)


@command("status")
@click.option("--tasks", is_flag=True, help="Show the tasks (the default view).")
def status(surface: Surface, *, tasks: bool) -> None:  # noqa: ARG001 - one view for now
    """Show where everything stands."""
    surface.show(listing.list_tasks(surface.project(), TaskQuery()), render.task_list)


@command("task-status")
@_TASK
@click.option("--tail", type=click.IntRange(0), default=detail.TAIL, help="Characters of output.")
def task_status(surface: Surface, task: str, tail: int) -> None:
    """Show one task: its status, why it is not done, its last run, what to do next."""
    surface.show(detail.task_status(surface.project(), task, tail=tail), render.task_detail)
