"""The command that lands work that waits."""

import click

from runr.cli.app import Invocation, command, task_names
from runr.cli.console import render_next_steps, style
from runr.errors import ExitCode
from runr.lifecycle import land as lifecycle_land
from runr.lifecycle.land import LandRequest, LandResult
from runr.runs import stop_reasons
from runr.text import printable


def render_landings(answer: LandResult) -> str:
    """Return one line for each run, and what to do about those that did not land."""
    if not answer.landings:
        return "Nothing waits to land."
    lines = []
    for each in answer.landings:
        is_good = each.outcome == "landed"
        would = "○" if answer.dry_run else "✓"
        sign = style(would, fg="green") if is_good else style("■", fg="yellow")
        lines.append(f"{sign} {printable(each.message)}")
    return "\n".join([*lines, *render_next_steps(answer.next_steps)])


@command("land")
@click.argument("names", nargs=-1, metavar="[TASK|RUN]...", shell_complete=task_names)
@click.option("--all", "every", is_flag=True, help="Land everything that waits, oldest first.")
@click.option("--to", metavar="BRANCH", help="Land on this branch instead of the run's own.")
@click.option("--dry-run", is_flag=True, help="Show what would land or not, without the checks.")
def land(invocation: Invocation, **options: object) -> int:
    """Land verified work that waits.

    Work waits if it conflicts with its branch, if your own changes are in its way, or if it
    failed the checks together with newer commits. It is verified again, together with
    the branch as it is now. Exits with the exit code of the first run that does not land.
    """
    answer = lifecycle_land.land(invocation.project(), LandRequest.model_validate(options))
    invocation.show(answer, render_landings)
    failed = [each.outcome for each in answer.landings if each.outcome != "landed"]
    return int(stop_reasons.find(failed[0]).exit_code if failed else ExitCode.DONE)
