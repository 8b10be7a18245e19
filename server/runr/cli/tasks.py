"""Commands that look at tasks."""

from typing import get_args

import click

from runr.app.tasks import detail, listing
from runr.app.tasks.listing import Sort, TaskQuery
from runr.cli import task_render
from runr.cli.filters import filtered
from runr.cli.surface import Surface, command, task_names
from runr.core import filter as filters
from runr.core.filter import Filter

_TASK = click.argument("task", shell_complete=task_names)


@command("list-tasks")
@click.argument("query", nargs=-1)
@filtered()
@click.option("--sort", type=click.Choice(get_args(Sort)), default="path", help="The order.")
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many; 0 for all.")
@click.option("--cursor", help="Continue behind this task.")
def list_tasks(
    surface: Surface,
    query: tuple[str, ...],
    *,
    wanted: Filter,
    sort: Sort,
    limit: int,
    cursor: str | None,
) -> None:
    """List the tasks with their status, dependencies and evidence.

    QUERY says in one text which ones: 'tag:api status:failed -type:manual login'.
    """
    chosen = TaskQuery(
        wanted=wanted & filters.of(" ".join(query)), sort=sort, limit=limit or None, cursor=cursor
    )
    surface.show(listing.list_tasks(surface.project(), chosen), task_render.listing)


@command("task-status")
@_TASK
@click.option("--tail", type=click.IntRange(0), default=detail.TAIL, help="Characters of output.")
def task_status(surface: Surface, task: str, tail: int) -> None:
    """Show one task: its status, why it is not done, its last run, what to do next."""
    surface.show(detail.task_status(surface.project(), task, tail=tail), task_render.detail)
