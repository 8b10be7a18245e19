"""The command that says what to do next."""

import click

from runr.app.tasks.choice import Choice, choose
from runr.cli import render, signs, task_render
from runr.cli.filters import filtered
from runr.cli.surface import Surface, command
from runr.core import filter as filters
from runr.core.filter import Filter


@command("next")
@click.argument("query", nargs=-1)
@filtered()
@click.option("--explain", is_flag=True, help="Say why this one, and why none of the others.")
def next_task(surface: Surface, query: tuple[str, ...], *, wanted: Filter, explain: bool) -> None:
    """Show which task to do next: by priority, then by how many tasks wait for it."""
    meant = wanted & filters.of(" ".join(query))
    answer = choose(surface.project(), meant, explain=explain)
    surface.show(answer, lambda found: _choice(found, explain=explain))


def _choice(answer: Choice, *, explain: bool) -> str:
    task = answer.task
    if task is None:
        lines = [f"No task comes next: {answer.why}"]
    else:
        title = "" if task.title in task.path else f": {task.title}"
        lines = [f"{signs.of_task(task)} {task_render.shown_name(task)}{title}", f"  {answer.why}"]
        lines += [f"  {_unblocks(answer)}"] if answer.unblocks_all else []
    if explain:
        names = [task_render.shown_path(other.path) for other in answer.others]
        lines += [
            f"  not {name}: {other.why}" for name, other in zip(names, answer.others, strict=True)
        ]
        lines += [f"  and {answer.left_out} more"] if answer.left_out else []
    if answer.waiting:
        lines.append(f"  {task_render.waits(len(answer.waiting))}")
    return "\n".join([*lines, *render.steps(answer.next)])


def _unblocks(answer: Choice) -> str:
    tasks = "1 task" if answer.unblocks_all == 1 else f"{answer.unblocks_all} tasks"
    directly = "" if answer.unblocks == answer.unblocks_all else f", {answer.unblocks} directly"
    return f"it unblocks {tasks}{directly}"
