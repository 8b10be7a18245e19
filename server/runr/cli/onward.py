"""The command that does the obvious next thing."""

import click

from runr.app import onward
from runr.app.onward import Onward
from runr.cli import run_render
from runr.cli.runs import watch
from runr.cli.surface import Surface, command
from runr.errors import ExitCode


@command("continue")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--wait/--detach", default=True, help="Follow the run to its end, or return at once.")
def go_on(surface: Surface, *, dry_run: bool, wait: bool) -> int:
    """Take up the run that stopped last, or say what a person has to do, or what is ready."""
    answer = onward.go_on(surface.project(), dry_run=dry_run)
    resumed = answer.run if answer.action == "resume" and not dry_run else None
    if resumed is None or resumed.worker == "session" or not wait:
        surface.show(answer, _told)
        return ExitCode.HUMAN if answer.action == "person" else ExitCode.DONE
    surface.say(answer.message)
    ended = watch(surface, resumed.id, after=resumed.seq)
    if ended is None:
        return ExitCode.INTERRUPTED
    surface.show(
        answer.model_copy(update={"run": ended, "next": ended.next}),
        lambda _: run_render.end(ended),
    )
    return ended.exit_code or ExitCode.DONE


def _told(answer: Onward) -> str:
    work = run_render.summary(answer.run) if answer.run else []
    lines = [answer.message, *work]
    return "\n".join([*lines, "Next:", *(f"  {step}" for step in answer.next)])
