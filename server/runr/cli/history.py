"""Commands about what is in the history, and what is to go there."""

import click

from runr.app import audit as auditing
from runr.cli import history_render
from runr.cli.surface import Surface, command
from runr.errors import ExitCode


@command("audit")
@click.option("--range", "rev_range", metavar="A..B", help="Only these commits; default: all.")
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="End with 1 where less of the commits is covered.",
)
def audit(surface: Surface, rev_range: str | None, fail_under: float | None) -> int:
    """Say who answers for each commit: a run, a person, or nobody."""
    answer = auditing.audit(surface.project(), rev_range, fail_under=fail_under)
    surface.show(answer, history_render.audit)
    return ExitCode.DONE if answer.passed else ExitCode.FAILED
