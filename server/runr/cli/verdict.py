"""Commands with which a person judges work that waits for them."""

import click

from runr.app.answers import RunAnswer
from runr.app.word import verdict
from runr.app.word.verdict import Verdict
from runr.cli import render, task_render
from runr.cli.surface import Surface, command, task_names
from runr.errors import ExitCode

_ABOUT = click.argument("about", metavar="TASK|RUN", shell_complete=task_names)
_BY = click.option("--by", help="Who says so; default: git's user.name.")


@command("approve")
@_ABOUT
@click.option("--reason", required=True, help="What was looked at; recorded with the name.")
@_BY
def approve(surface: Surface, **word: str) -> int:
    """Take the work of a run that waits for a person: it is brought in and counts as attested."""
    answer = verdict.approve(surface.project(), Verdict.model_validate(word))
    surface.show(answer, task_render.completion)
    ended = answer.run.exit_code if answer.run else None
    return ExitCode.DONE if answer.completed else ended or ExitCode.UNVERIFIED


@command("reject")
@_ABOUT
@click.option("--reason", required=True, help="What is wrong; the next attempt is told.")
@_BY
def reject(surface: Surface, **word: str) -> None:
    """Send the work of such a run back: it is kept, and the next attempt is told why."""
    answer = verdict.reject(surface.project(), Verdict.model_validate(word))
    surface.show(answer, _rejected)


def _rejected(answer: RunAnswer) -> str:
    name = task_render.shown_path(answer.run.task)
    return "\n".join([f"{name} is sent back, with its work kept", *render.steps(answer.run.next)])
