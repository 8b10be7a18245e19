"""Commands that show tasks."""

from typing import TYPE_CHECKING, get_args

import click

from runr.cli import console, render_tasks
from runr.cli.app import Invocation, command, task_names
from runr.cli.console import Choice
from runr.cli.filters import filtered
from runr.query import listing
from runr.query.filters import Filter, parse_filter
from runr.query.listing import Sort, TaskQuery
from runr.query.models import DEFAULT_TAIL

if TYPE_CHECKING:
    from runr.query.next_task import NextTask


@command("next")
@click.argument("query", nargs=-1)
@filtered()
@click.option("--explain", is_flag=True, help="Also show why the others come later.")
def next_task(
    invocation: Invocation, query: tuple[str, ...], *, wanted: Filter, explain: bool
) -> None:
    """Show which task to do next.

    Ranked by priority, then by the number of tasks that it unblocks.
    """
    # A listing, the most frequent command, needs only what is imported above.
    from runr.query.next_task import choose_next  # noqa: PLC0415 - see above

    meant = wanted & parse_filter(" ".join(query))
    answer = choose_next(invocation.project(), meant, explain=explain)
    invocation.show(answer, lambda found: _choice(found, explain=explain))


def _choice(answer: "NextTask", *, explain: bool) -> str:
    task = answer.task
    if task is None:
        lines = [f"No next task: {answer.why}"]
    else:
        title = "" if task.title in task.path else f": {task.title}"
        lines = [
            f"{console.task_sign(task)} {render_tasks.shown_name(task)}{title}",
            f"  {answer.why}",
        ]
        lines += [f"  {_unblocks(answer)}"] if answer.unblocks_all_count else []
    if explain:
        names = [render_tasks.shown_path(other.path) for other in answer.others]
        lines += [
            f"  not {name}: {other.why}" for name, other in zip(names, answer.others, strict=True)
        ]
        more = answer.others_count - len(answer.others)
        lines += [f"  and {more} more"] if more else []
    if answer.needs_human_paths:
        lines.append(f"  {render_tasks.blocked_note(len(answer.needs_human_paths))}")
    return "\n".join([*lines, *console.render_next_steps(answer.next_steps)])


def _unblocks(answer: "NextTask") -> str:
    tasks = "1 task" if answer.unblocks_all_count == 1 else f"{answer.unblocks_all_count} tasks"
    directly = (
        ""
        if answer.unblocks_count == answer.unblocks_all_count
        else f", {answer.unblocks_count} directly"
    )
    return f"it unblocks {tasks}{directly}"


_TASK = click.argument("task", shell_complete=task_names)


@command("list-tasks")
@click.argument("query", nargs=-1)
@filtered()
@click.option("--sort", type=Choice(get_args(Sort)), default="path", help="Sort by this field.")
@click.option(
    "--limit", type=click.IntRange(0), default=0, help="Maximum number of tasks; 0 for all."
)
@click.option(
    "--cursor", metavar="CURSOR", help="Start after this task (`next_cursor` of the page before)."
)
def list_tasks(
    invocation: Invocation,
    query: tuple[str, ...],
    *,
    wanted: Filter,
    sort: Sort,
    limit: int,
    cursor: str | None,
) -> None:
    """List tasks with status and evidence.

    QUERY is a filter expression: 'tag:api status:failed -type:manual login'.
    """
    chosen = TaskQuery(
        wanted=wanted & parse_filter(" ".join(query)),
        sort=sort,
        limit=limit or None,
        cursor=cursor,
    )
    invocation.show(listing.list_tasks(invocation.project(), chosen), render_tasks.render_list)


@command("task-status")
@_TASK
@click.option(
    "--tail",
    type=click.IntRange(0),
    default=DEFAULT_TAIL,
    help="Characters of check output to show.",
)
def task_status(invocation: Invocation, task: str, tail: int) -> None:
    """Show one task and its last run."""
    from runr.query import detail  # noqa: PLC0415 - as in `next_task`

    answer = detail.task_status(invocation.project(), task, tail=tail)
    invocation.show(answer, render_tasks.render_details)
