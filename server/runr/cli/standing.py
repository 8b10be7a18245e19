"""Commands about where tasks stand, and what that rests on."""

from pathlib import Path

import click

from runr.app.tasks import listing
from runr.app.tasks.listing import TaskQuery
from runr.cli import task_render
from runr.cli.surface import Surface, command, task_names
from runr.errors import UsageError


@command("status")
@click.option("--tasks", is_flag=True, help="Show the tasks (the default view).")
@click.option("--infer-from-git", is_flag=True, help="Show what the commits prove.")
@click.option("--apply", is_flag=True, help="Record what they prove; needs --infer-from-git.")
@click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    metavar="FROM_0_TO_1",
    help="How sure an inference has to be; default: 0.5.",
)
def status(
    surface: Surface,
    *,
    tasks: bool,  # noqa: ARG001 - the default view, by its name
    infer_from_git: bool,
    apply: bool,
    min_confidence: float | None,
) -> None:
    """Show where everything stands."""
    if infer_from_git:
        _infer(surface, apply=apply, min_confidence=min_confidence)
        return
    if apply or min_confidence is not None:
        option = "--apply" if apply else "--min-confidence"
        raise UsageError(
            f"{option} belongs to --infer-from-git", next_steps=["runr status --infer-from-git"]
        )
    surface.show(listing.list_tasks(surface.project(), TaskQuery()), task_render.listing)


def _infer(surface: Surface, *, apply: bool, min_confidence: float | None) -> None:
    # The plain status must not pay for what reads the history.
    from runr.app import infer  # noqa: PLC0415 - see above
    from runr.cli import standing_render  # noqa: PLC0415 - see above

    enough = {} if min_confidence is None else {"min_confidence": min_confidence}
    answer = infer.infer(surface.project(), apply=apply, **enough)
    surface.show(answer, standing_render.inference)


@command("why")
@click.argument("task", shell_complete=task_names)
@click.option("--diff", is_flag=True, help="Show what changed in its text since.")
def why(surface: Surface, task: str, *, diff: bool) -> None:
    """Explain in at most ten lines why a task is, or is not, done."""
    # As in `_infer`.
    from runr.app.tasks import why as explanation  # noqa: PLC0415 - see above
    from runr.cli import standing_render  # noqa: PLC0415 - see above

    surface.show(explanation.why(surface.project(), task, diff=diff), standing_render.why)


@command("accept")
@click.argument("task", shell_complete=task_names)
@click.option("--reason", help="Why it still holds.")
@click.option("--by", help="Who says so; default: git's user.name.")
def accept(surface: Surface, task: str, reason: str | None, by: str | None) -> None:
    """Keep a completion though something has changed since; it is recorded."""
    # As in `_infer`.
    from runr.app.word import accept as acceptance  # noqa: PLC0415 - see above
    from runr.cli import standing_render  # noqa: PLC0415 - see above

    answer = acceptance.accept(surface.project(), task, reason=reason, by=by)
    surface.show(answer, standing_render.acceptance)


@command("merge-status")
@click.argument("base", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("ours", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("theirs", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def merge_status(surface: Surface, base: Path, ours: Path, theirs: Path) -> None:  # noqa: ARG001 - git reads the file, not an answer
    """Merge two versions of the status file into OURS; git calls it."""
    from runr.app import merge  # noqa: PLC0415 - as in `_infer`

    merge.merge_status(base, ours, theirs)
