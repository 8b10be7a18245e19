"""Answers about what a status rests on, as people read them in a terminal."""

from click import style

from runr.app.infer import Inference, Inferred
from runr.app.tasks.why import Why
from runr.app.word.accept import Acceptance

_SIGNS = {
    "new": ("≈", "green"),
    "arrived": ("≈", "green"),
    "known": ("•", None),
    "weak": ("?", "yellow"),
}


def inference(answer: Inference) -> str:
    """Return what the history says of each task, with its evidence and how sure it is."""
    if not answer.findings:
        return "\n".join(["No commit speaks of a task.", *_notes(answer.notes)])
    lines = ["What the commits say:"]
    for found in answer.findings:
        lines += _finding(found, applied=answer.applied)
    if answer.applied:
        number = len(answer.changed)
        lines.append("1 status changed" if number == 1 else f"{number} statuses changed")
    steps = ["Next:", *(f"  {step}" for step in answer.next)] if answer.next else []
    return "\n".join([*lines, *_notes(answer.notes), *steps])


def why(answer: Why) -> str:
    """Return the explanation, and below it what changed in the task's text."""
    lines = "\n".join(answer.lines)
    return lines if answer.diff is None else f"{lines}\n\n{answer.diff.rstrip()}"


def acceptance(answer: Acceptance) -> str:
    """Return what was kept, and though what."""
    name = answer.task.removeprefix(".runr/tasks/")
    head = f"{style('✎', fg='green')} {name}: its completion stands, on the word of {answer.by}"
    return "\n".join([head, *(f"  {doubt}" for doubt in answer.doubts)])


def _finding(found: Inferred, *, applied: bool) -> list[str]:
    sign, colour = _SIGNS.get(found.effect, ("↶", "red"))
    name = found.task.removeprefix(".runr/tasks/")
    where = f"{found.commit[:12]}  {found.date}" if found.commit else "no commit"
    head = f"  {style(sign, fg=colour)} {name}  {where}  {found.confidence:.1f} {found.basis}"
    return [head, f"      {_told(found, applied=applied)}"]


def _told(found: Inferred, *, applied: bool) -> str:
    match found.effect:
        case "reverted":
            return f"{found.told}, and {(found.reverted_by or '')[:12]} took it back"
        case "known":
            return f"{found.told}; recorded as {found.evidence or found.status} already"
        case "arrived":
            verb = "is" if applied else "would be"
            return f"{found.told}; that {verb} recorded as brought in"
        case "weak":
            return f"{found.told}: not enough to record it"
        case _:
            verb = "was" if applied else "would be"
            return f"{found.told}; it {verb} recorded as completed (inferred)"


def _notes(notes: list[str]) -> list[str]:
    return [f"  {style('note', fg='yellow')}: {note}" for note in notes]
