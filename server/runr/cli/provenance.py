"""Commands about commits: audit, manual work, submitting and cleaning up runs."""

import click

from runr.cli import console
from runr.cli.app import Invocation, command, task_names
from runr.cli.console import style
from runr.errors import ExitCode, UnknownNameError, UsageError
from runr.lifecycle import submit as lifecycle_submit
from runr.lifecycle.submit import Submission, SubmitRequest
from runr.maintenance import cleanup as maintenance_cleanup
from runr.maintenance.cleanup import CleanRequest, CleanResult
from runr.provenance import audit as provenance_audit
from runr.provenance.audit import Audit, AuditedCommit
from runr.provenance.manual_commit import InterveneRequest, ManualCommitResult, commit_manual_work
from runr.tasks.model import short_name
from runr.text import parse_duration

#: The most rows of a list that are shown; --json has all.
_MAX_ROWS = 50


def render_audit(answer: Audit) -> str:
    """Return the counts, the coverage, and the unattributed commits."""
    if not answer.commit_count:
        return "\n".join([f"No commits in {answer.range}.", *_notes(answer.notes)])
    lines = [f"{answer.range}: {_commits(answer.commit_count)}"]
    width = max(len(str(number)) for number in answer.counts.values())
    lines += [f"  {number:>{width}}  {name}" for name, number in answer.counts.items() if number]
    verdict = f"{answer.coverage:.1f}% of {answer.counted_count} covered"
    if answer.fail_under is not None:
        sign = style("✓", fg="green") if answer.passed else style("✗", fg="red")
        verdict = f"{sign} {verdict}, required {answer.fail_under:g}%"
    lines += [verdict, *_notes(answer.notes)]
    if answer.unattributed:
        lines += [
            "Unattributed commits:",
            *(f"  {_row(commit)}" for commit in answer.unattributed[:_MAX_ROWS]),
        ]
    if len(answer.unattributed) > _MAX_ROWS:
        lines.append(f"  … and {len(answer.unattributed) - _MAX_ROWS} more; --json lists them all")
    return "\n".join(lines)


def render_manual_commit(answer: ManualCommitResult) -> str:
    """Return the commit, its files, and where its record is."""
    name = short_name(answer.task_path or "")
    belongs = f" for {name}" if name else ""
    lines = [f"✎ commit {answer.commit_sha[:12]}: manual work by {answer.committed_by}{belongs}"]
    lines += [f"  {path}" for path in answer.files[:_MAX_ROWS]]
    if len(answer.files) > _MAX_ROWS:
        lines.append(f"  … and {len(answer.files) - _MAX_ROWS} more")
    return "\n".join([*lines, *console.render_next_steps(answer.next_steps)])


def render_submission(answer: Submission) -> str:
    """Return what was merged, or would be."""
    into = f"{_commits(len(answer.commits))} of run {answer.run_id}"
    if answer.strategy == "already":
        head = f"{answer.to} already contains {into}"
    else:
        verb = "would be merged" if answer.dry_run else "merged"
        head = f"{into} {verb} into {answer.to} ({answer.strategy})"
    lines = [head, *(f"  {commit}" for commit in answer.commits)]
    if answer.override_reason:
        lines.append(f"  {style('forced', fg='yellow')}: {answer.override_reason}")
    return "\n".join([*lines, *console.render_next_steps(answer.next_steps)])


def render_cleanup(answer: CleanResult) -> str:
    """Return what was removed, and what was kept and why."""
    verb = "would be removed" if answer.dry_run else "removed"
    lines = [f"{verb}:", *(f"  {what}" for what in answer.removed)] if answer.removed else []
    if answer.kept:
        lines += ["kept:", *(f"  {thing.what}: {thing.why}" for thing in answer.kept)]
    steps = console.render_next_steps(answer.next_steps)
    return "\n".join([*lines, *steps]) if lines else "Nothing to clean up."


def _row(commit: AuditedCommit) -> str:
    return f"{commit.commit_sha[:12]}  {commit.committed_at}  {commit.author}  {commit.subject}"


def _commits(number: int) -> str:
    return "1 commit" if number == 1 else f"{number} commits"


def _notes(notes: list[str]) -> list[str]:
    return [f"  {style('note', fg='yellow')}: {note}" for note in notes]


@command("audit")
@click.option(
    "--range", "rev_range", metavar="A..B", help="Only these commits; default: all of HEAD."
)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Exit 1 if coverage is below PERCENT.",
)
def audit(invocation: Invocation, rev_range: str | None, fail_under: float | None) -> int:
    """Audit commit provenance.

    Each commit is attributed to a run or a person, or is unattributed.
    """
    answer = provenance_audit.audit(invocation.project(), rev_range, fail_under=fail_under)
    invocation.show(answer, render_audit)
    return ExitCode.DONE if answer.passed else ExitCode.FAILED


@command("intervene")
@click.option(
    "--task", metavar="TASK", shell_complete=task_names, help="Task that the work belongs to."
)
@click.option(
    "--reason", required=True, help="What was done and why; the first line is the subject."
)
@click.option("--by", metavar="NAME", help="Name of the person; default: git user.name.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Commit all changes and new files, not only what is staged.",
)
def intervene(invocation: Invocation, **options: object) -> None:
    """Commit manual work with a record.

    The record says who did it and why. It completes no task.
    """
    answer = commit_manual_work(invocation.project(), InterveneRequest.model_validate(options))
    invocation.show(answer, render_manual_commit)


@command("submit")
@click.argument("run", metavar="RUN|JOB")
@click.option("--to", required=True, metavar="BRANCH", help="Branch to merge the work into.")
@click.option("--dry-run", is_flag=True, help="Show what would be merged, without merging it.")
@click.option("--force", is_flag=True, help="Merge unverified work too; it is recorded.")
def submit(invocation: Invocation, **options: object) -> None:
    """Merge the commits of a run or a job into a branch.

    Either all of them are merged, or none. A job lands as with `runr job land`.
    """
    project, request = invocation.project(), SubmitRequest.model_validate(options)
    try:
        answer = lifecycle_submit.submit(project, request)
    except UnknownNameError as no_run:
        from runr.cli import render_jobs  # noqa: PLC0415 - most submissions are of a run
        from runr.jobs import journal, landing  # noqa: PLC0415 - as above

        try:
            found = journal.find(project.layout, request.run).id
        except UnknownNameError:
            raise no_run from None
        if request.force:
            raise UsageError("--force is for a run: of a job, only verified work lands") from None
        landed = landing.land_job(project, found, to=request.to, dry_run=request.dry_run)
        invocation.show(landed, render_jobs.render_landing)
    else:
        invocation.show(answer, render_submission)


@command("clean")
@click.option(
    "--older-than", metavar="AGE", help="Only runs that ended at least this long ago, e.g. 14d."
)
@click.option(
    "--runs", "records", is_flag=True, help="Also delete run records (default: older than 14d)."
)
@click.option(
    "--superseded",
    is_flag=True,
    help="Also remove what stopped runs left whose task went on in another run; kept in a commit.",
)
@click.option(
    "--force",
    multiple=True,
    metavar="RUN",
    help="Also delete unmerged work of this run; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed, without removing it.")
def clean(
    invocation: Invocation,
    older_than: str | None,
    force: tuple[str, ...],
    *,
    records: bool,
    superseded: bool,
    dry_run: bool,
) -> None:
    """Remove worktrees and branches of ended runs.

    Unmerged work is kept.
    """
    request = CleanRequest(
        older_than=_seconds(older_than),
        records=records,
        superseded=superseded,
        force=force,
        dry_run=dry_run,
    )
    invocation.show(maintenance_cleanup.clean(invocation.project(), request), render_cleanup)


def _seconds(age: str | None) -> int | None:
    try:
        return None if age is None else parse_duration(age)
    except ValueError as error:
        raise UsageError(f"--older-than: {error}") from None
