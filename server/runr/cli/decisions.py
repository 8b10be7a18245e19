"""Commands with which a person judges work that waits for them."""

import click

from runr.cli import console, render_tasks
from runr.cli.app import Invocation, command, task_names
from runr.errors import ExitCode
from runr.lifecycle import complete, decisions
from runr.lifecycle.complete import CompleteRequest
from runr.lifecycle.decisions import Decision
from runr.query.detail_models import CompletionResult, RunResult


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
def complete_task(invocation: Invocation, **wish: object) -> int:
    """Complete a task: on its checks in an open session run, or on a person's word."""
    answer = complete.complete_task(invocation.project(), CompleteRequest.model_validate(wish))
    invocation.show(answer, render_tasks.render_completion)
    return _exit_code(answer)


def _exit_code(answer: CompletionResult) -> int:
    if answer.completed or answer.run is None:
        return ExitCode.DONE
    if answer.run.stop_reason == "scope_violation" or answer.run.violations:
        return ExitCode.GUARD
    return ExitCode.UNVERIFIED if answer.run.exit_code is None else answer.run.exit_code


_ABOUT = click.argument("about", metavar="TASK|RUN", shell_complete=task_names)
_BY = click.option("--by", help="Who says so; default: git's user.name.")


@command("approve")
@_ABOUT
@click.option("--reason", required=True, help="What was looked at; recorded with the name.")
@_BY
def approve(invocation: Invocation, **word: str) -> int:
    """Take the work of a run that waits for a person: it is brought in and counts as attested."""
    answer = decisions.approve(invocation.project(), Decision.model_validate(word))
    invocation.show(answer, render_tasks.render_completion)
    ended = answer.run.exit_code if answer.run else None
    return ExitCode.DONE if answer.completed else ended or ExitCode.UNVERIFIED


@command("reject")
@_ABOUT
@click.option("--reason", required=True, help="What is wrong; the next attempt is told.")
@_BY
def reject(invocation: Invocation, **word: str) -> None:
    """Send the work of such a run back: it is kept, and the next attempt is told why."""
    answer = decisions.reject(invocation.project(), Decision.model_validate(word))
    invocation.show(answer, _rejected)


def _rejected(answer: RunResult) -> str:
    name = render_tasks.shown_path(answer.run.task_path)
    return "\n".join(
        [
            f"{name} is sent back, with its work kept",
            *console.render_next_steps(answer.run.next_steps),
        ]
    )
