"""Commands about what is in the history, and what is to go there."""

import click

from runr.app import audit as auditing
from runr.app import clean as cleaning
from runr.app import submit as submission
from runr.app.broom import CleanRequest
from runr.app.submit import SubmitRequest
from runr.app.word import intervene as manual
from runr.app.word.intervene import InterveneRequest
from runr.cli import history_render
from runr.cli.surface import Surface, command, task_names
from runr.core import duration
from runr.errors import ExitCode, UsageError


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


@command("intervene")
@click.option("--task", shell_complete=task_names, help="The task that it belongs to.")
@click.option(
    "--reason", required=True, help="What was done and why; its first line is the subject."
)
@click.option("--by", help="Who did it; default: git's user.name.")
@click.option(
    "--all", "everything", is_flag=True, help="Take all changes and new files, not what is staged."
)
def intervene(surface: Surface, **wish: object) -> None:
    """Commit manual work with a receipt: who did it and why. It completes no task."""
    answer = manual.intervene(surface.project(), InterveneRequest.model_validate(wish))
    surface.show(answer, history_render.intervention)


@command("submit")
@click.argument("run", metavar="RUN")
@click.option("--to", required=True, metavar="BRANCH", help="The branch to bring the work into.")
@click.option("--dry-run", is_flag=True, help="Only say what would be brought in.")
@click.option("--force", is_flag=True, help="Take unverified work, too; it is recorded.")
def submit(surface: Surface, **wish: object) -> None:
    """Bring all commits of a run into a branch, or none of them."""
    answer = submission.submit(surface.project(), SubmitRequest.model_validate(wish))
    surface.show(answer, history_render.submission)


@command("clean")
@click.option("--older-than", metavar="AGE", help="Only what ended longer ago, such as 14d.")
@click.option("--runs", "records", is_flag=True, help="Run records, too; 14d old unless you say.")
@click.option(
    "--force", multiple=True, metavar="RUN", help="Remove also what only this run has; repeatable."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def clean(
    surface: Surface,
    older_than: str | None,
    force: tuple[str, ...],
    *,
    records: bool,
    dry_run: bool,
) -> None:
    """Remove worktrees and branches of ended runs, never work that is nowhere else."""
    wish = CleanRequest(
        older_than=_seconds(older_than), records=records, force=force, dry_run=dry_run
    )
    surface.show(cleaning.clean(surface.project(), wish), history_render.cleaned)


def _seconds(age: str | None) -> int | None:
    try:
        return None if age is None else duration.seconds(age)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}") from None
