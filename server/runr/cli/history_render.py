"""Answers about the history, as people read them in a terminal."""

from click import style

from runr.app.audit import Audit, AuditedCommit
from runr.app.clean import Cleaned
from runr.app.submit import Submission
from runr.app.word.intervene import Intervention

#: Gaps that are shown; with --json there are all of them.
_GAPS = 50


def audit(answer: Audit) -> str:
    """Return the counts, the coverage, and the commits that nobody answers for."""
    if not answer.commits:
        return "\n".join([f"No commits in {answer.range}.", *_notes(answer.notes)])
    lines = [f"{answer.range}: {_commits(answer.commits)}"]
    width = max(len(str(number)) for number in answer.counts.values())
    lines += [f"  {number:>{width}}  {name}" for name, number in answer.counts.items() if number]
    verdict = f"{answer.coverage:.1f}% of {answer.counted} covered"
    if answer.fail_under is not None:
        sign = style("✓", fg="green") if answer.passed else style("✗", fg="red")
        verdict = f"{sign} {verdict}, wanted {answer.fail_under:g}%"
    lines += [verdict, *_notes(answer.notes)]
    if answer.gaps:
        lines += ["Nobody answers for:", *(f"  {_row(gap)}" for gap in answer.gaps[:_GAPS])]
    if len(answer.gaps) > _GAPS:
        lines.append(f"  … and {len(answer.gaps) - _GAPS} more; --json names them all")
    return "\n".join(lines)


def intervention(answer: Intervention) -> str:
    """Return what was recorded, and where its receipt is."""
    name = (answer.task or "").removeprefix(".runr/tasks/")
    belongs = f" for {name}" if name else ""
    lines = [f"✎ commit {answer.sha[:12]}: manual work by {answer.by}{belongs}"]
    lines += [f"  {path}" for path in answer.files[:_GAPS]]
    if len(answer.files) > _GAPS:
        lines.append(f"  … and {len(answer.files) - _GAPS} more")
    return "\n".join([*lines, "Next:", f"  runr report {answer.run}"])


def submission(answer: Submission) -> str:
    """Return what was brought in, or would be."""
    into = f"{_commits(len(answer.commits))} of run {answer.run}"
    if answer.how == "already":
        head = f"{answer.to} has {into} already"
    else:
        verb = "would be brought" if answer.dry_run else "brought"
        head = f"{into} {verb} into {answer.to} ({answer.how})"
    lines = [head, *(f"  {commit}" for commit in answer.commits)]
    if answer.forced:
        lines.append(f"  {style('forced', fg='yellow')}: {answer.forced}")
    return "\n".join(
        [*lines, "Next:", *(f"  {step}" for step in answer.next)] if answer.next else lines
    )


def cleaned(answer: Cleaned) -> str:
    """Return what was removed, and what was kept and why."""
    verb = "would be removed" if answer.dry_run else "removed"
    lines = [f"{verb}:", *(f"  {what}" for what in answer.removed)] if answer.removed else []
    if answer.kept:
        lines += ["kept:", *(f"  {thing.what}: {thing.why}" for thing in answer.kept)]
    return "\n".join(lines) if lines else "Nothing is left to clean up."


def _row(commit: AuditedCommit) -> str:
    return f"{commit.sha[:12]}  {commit.date}  {commit.author}  {commit.subject}"


def _commits(number: int) -> str:
    return "1 commit" if number == 1 else f"{number} commits"


def _notes(notes: list[str]) -> list[str]:
    return [f"  {style('note', fg='yellow')}: {note}" for note in notes]
