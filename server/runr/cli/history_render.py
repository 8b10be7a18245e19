"""Answers about the history, as people read them in a terminal."""

from click import style

from runr.app.audit import Audit, AuditedCommit

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


def _row(commit: AuditedCommit) -> str:
    return f"{commit.sha[:12]}  {commit.date}  {commit.author}  {commit.subject}"


def _commits(number: int) -> str:
    return "1 commit" if number == 1 else f"{number} commits"


def _notes(notes: list[str]) -> list[str]:
    return [f"  {style('note', fg='yellow')}: {note}" for note in notes]
