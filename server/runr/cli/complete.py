"""The command that completes a task; apart from the listing, which must not load the engine."""

import click

from runr.app import complete
from runr.app.answers import CompleteAnswer
from runr.app.complete import CompleteRequest
from runr.cli import task_render
from runr.cli.surface import Surface, command, task_names
from runr.errors import ExitCode


@command("complete-task")
@click.argument("task", shell_complete=task_names)
@click.option("--reason", help="Why it counts as done; recorded with the person's name.")
@click.option("--by", help="Who says so; default: git's user.name.")
@click.option(
    "--force",
    is_flag=True,
    help="Let the word stand against open dependencies and failing checks; it is recorded.",
)
@click.option(
    "--skip-checks",
    is_flag=True,
    help="Run no checks: recorded as skipped, on the word of the person, with the reason.",
)
def complete_task(surface: Surface, **wish: object) -> int:
    """Complete a task: on its checks in an open session run, or on a person's word."""
    answer = complete.complete_task(surface.project(), CompleteRequest.model_validate(wish))
    surface.show(answer, task_render.completion)
    return _exit_code(answer)


def _exit_code(answer: CompleteAnswer) -> int:
    if answer.completed or answer.run is None:
        return ExitCode.DONE
    if answer.run.stop_reason == "guard" or answer.run.violations:
        return ExitCode.GUARD
    return ExitCode.UNVERIFIED if answer.run.exit_code is None else answer.run.exit_code
