"""The signs and colours of states."""

from click import style

from runr.app.answers import RunView, TaskRow

_MARKS = {
    "completed": ("✓", "green"),
    "in_progress": ("◐", "cyan"),
    "stopped": ("■", "yellow"),
    "failed": ("✗", "red"),
    "pending": ("○", None),
    "running": ("◐", "cyan"),
}

#: A completion looks different for each kind of evidence.
_EVIDENCE = {"verified": "✓", "attested": "✎", "inferred": "≈"}


def of_task(row: TaskRow) -> str:
    """Return the sign for a task's state."""
    sign, colour = _MARKS[row.status]
    if row.status == "completed":
        sign = _EVIDENCE.get(row.evidence or "", sign)
    return style(sign, fg=colour)


def of_run(run: RunView) -> str:
    """Return the sign for how a run ended; one on a person's word looks like one."""
    sign, colour = _MARKS[run.status]
    return style(_EVIDENCE["attested"] if run.approved_by else sign, fg=colour)


def painted(status: str) -> str:
    """Return the name of a state in its colour."""
    return style(status, fg=_MARKS[status][1])
