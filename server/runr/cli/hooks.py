"""Commands for lifecycle hooks: which there are, and whether they work."""

from typing import get_args

import click

from runr.cli.app import Invocation, group
from runr.cli.console import Choice, style
from runr.errors import ExitCode
from runr.jobs import job_hooks
from runr.lifecycle_hooks.points import Point
from runr.setup.example_calls import HookOutcome, HookTest, call_with_example
from runr.setup.hook_list import HookList, HookSummary, list_hooks
from runr.text import format_duration, join_limited


@group("hooks")
def hooks() -> None:
    """List and test the lifecycle hooks of the settings.

    Those that Claude Code and git call are no part of them.
    """


@hooks.command_of("list")
def list_(invocation: Invocation) -> None:
    """List the lifecycle hooks, and what of them is missing.

    None of them is called.
    """
    invocation.show(list_hooks(invocation.project()), _list)


@hooks.command_of("test")
@click.argument("point", type=Choice(get_args(Point)), metavar="POINT")
def test(invocation: Invocation, point: Point) -> int:
    """Call the hooks of a point with an example.

    Each is called once, whatever its retries. Exits with 1 if one fails. Nothing is recorded or
    rolled back.
    """
    answer = call_with_example(invocation.project(), point, job_hooks.example())
    invocation.show(answer, _outcomes)
    failed = any(each.failed for each in answer.hooks)
    return ExitCode.FAILED if failed else ExitCode.DONE


def _list(answer: HookList) -> str:
    lines = [line for hook in answer.hooks for line in _described(hook)]
    if answer.unused:
        names = join_limited(answer.unused, 5)
        lines.append(f"{style('•', dim=True)} installed, and in no setting: {names}")
    return "\n".join(lines) or "The settings have no lifecycle hooks."


def _described(hook: HookSummary) -> list[str]:
    limit = format_duration(hook.timeout_s)
    facts = [
        f"{hook.target}, at most {limit}" if hook.target != "rollback" else hook.target,
        f"{hook.retries} {'retry' if hook.retries == 1 else 'retries'}" if hook.retries else "",
        f"signed with {hook.signed_with}" if hook.signed_with else "",
        hook.offered_by or "",
        "may refuse" if hook.refuses else "",
    ]
    mark = style("✗", fg="red") if hook.missing else style("✓", fg="green")
    about = f"{mark} {hook.point} `{hook.name}`: {', '.join(filter(None, facts))}"
    return [about, *(f"    {each}" for each in hook.missing)]


def _outcomes(answer: HookTest) -> str:
    lines = [line for hook in answer.hooks for line in _outcome(hook)]
    return "\n".join(lines) or f"The settings have no hook at {answer.point}."


def _outcome(hook: HookOutcome) -> list[str]:
    was_called = hook.outcome not in ("left out", "unavailable")
    good = style("✓", fg="green") if was_called else style("•", dim=True)
    mark = style("✗", fg="red") if hook.failed else good
    facts = [
        hook.outcome.replace("_", " "),
        f"exit code {hook.exit_code}" if hook.exit_code is not None else "",
        f"signed by {hook.signed_by}" if hook.signed_by else "",
        f"in {format_duration(hook.seconds)}" if was_called else "",
    ]
    shown = [f"    {line}" for line in hook.detail.splitlines()]
    return [f"{mark} {hook.target} `{hook.name}`: {', '.join(filter(None, facts))}", *shown]
