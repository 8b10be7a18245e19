"""Commands that complete a task or decide on a run that waits for a person."""

import click

from runr.cli import console, render_tasks
from runr.cli.app import Invocation, command, task_names
from runr.errors import ExitCode
from runr.lifecycle import complete, decisions
from runr.lifecycle import reset as lifecycle_reset
from runr.lifecycle.complete import CompleteRequest
from runr.lifecycle.decisions import Decision
from runr.lifecycle.reset import ResetRequest, ResetResult
from runr.query.detail_models import CompletionResult, RunDetails
from runr.text import join_limited


@command("complete-task")
@click.argument("task", shell_complete=task_names)
@click.option("--reason", help="Why the task counts as completed; recorded with the name.")
@click.option("--by", metavar="NAME", help="Name of the person; default: git user.name.")
@click.option(
    "--force",
    is_flag=True,
    help="Accept despite open dependencies, failing checks, unlanded work; it is recorded.",
)
@click.option(
    "--skip-checks",
    is_flag=True,
    help="Skip the checks: recorded as skipped, attested with the reason.",
)
def complete_task(invocation: Invocation, **options: object) -> int:
    """Complete a task.

    An open session run is verified and committed. Otherwise --reason attests
    the completion, after the checks of the task.
    """
    answer = complete.complete_task(invocation.project(), CompleteRequest.model_validate(options))
    invocation.show(answer, render_tasks.render_completion)
    return _exit_code(answer)


def _exit_code(answer: CompletionResult) -> int:
    if answer.completed or answer.run is None:
        return ExitCode.DONE
    if answer.run.stop_reason == "scope_violation" or answer.run.violations:
        return ExitCode.SCOPE
    return ExitCode.UNVERIFIED if answer.run.exit_code is None else answer.run.exit_code


_ABOUT = click.argument("about", metavar="TASK|RUN", shell_complete=task_names)
_BY = click.option("--by", metavar="NAME", help="Name of the person; default: git user.name.")


@command("approve")
@_ABOUT
@click.option("--reason", required=True, help="Why the work is right; recorded with the name.")
@_BY
def approve(invocation: Invocation, **options: str) -> int:
    """Approve a run that waits for a person.

    Its work is merged and recorded as attested.
    """
    answer = decisions.approve(invocation.project(), Decision.model_validate(options))
    invocation.show(answer, render_tasks.render_completion)
    ended = answer.run.exit_code if answer.run else None
    return ExitCode.DONE if answer.completed else ended or ExitCode.UNVERIFIED


@command("reject")
@_ABOUT
@click.option("--reason", required=True, help="What is wrong; the next attempt receives it.")
@_BY
def reject(invocation: Invocation, **options: str) -> None:
    """Reject a run that waits for a person.

    Its work is kept, and the next attempt receives the reason.
    """
    answer = decisions.reject(invocation.project(), Decision.model_validate(options))
    invocation.show(answer.run, _rejected)


@command("reset")
@click.argument("task", shell_complete=task_names)
@click.option("--reason", required=True, help="Why the task is not completed after all.")
@_BY
@click.option("--revert", is_flag=True, help="Also revert the commit that holds the work.")
def reset(invocation: Invocation, **options: object) -> None:
    """Take back a completion.

    Records that it was given by mistake; the commits stay, unless --revert is given.
    """
    request = ResetRequest.model_validate(options)
    invocation.show(lifecycle_reset.reset(invocation.project(), request), render_reset)


def render_reset(answer: ResetResult) -> str:
    """Return what was taken back, what became of the commit, and what builds on it."""
    name = render_tasks.shown_path(answer.task_path)
    lines = [f"{click.style('↶', fg='yellow')} {name}: completion reset by {answer.reset_by}"]
    if answer.revert_sha:
        where = f" on {answer.reverted_on}" if answer.reverted_on else ""
        lines.append(f"  commit {answer.revert_sha[:12]}{where} takes its work back")
    elif answer.reverted:
        lines.append("  its work was reverted before")
    elif answer.commit_sha:
        lines.append(f"  commit {answer.commit_sha[:12]} stays as it is")
    if answer.stale_dependents:
        names = map(render_tasks.shown_path, answer.stale_dependents)
        lines.append(f"  stale now: {join_limited(list(names), 5)}")
    return "\n".join([*lines, *console.render_next_steps(answer.next_steps)])


def _rejected(run: RunDetails) -> str:
    name = render_tasks.shown_path(run.task_path)
    return "\n".join(
        [f"{name} is rejected; its work is kept", *console.render_next_steps(run.next_steps)]
    )
