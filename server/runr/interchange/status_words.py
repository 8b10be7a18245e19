"""What the words of other tools mean; one that is not listed puts the task on hold. Pure."""

import re

from runr.interchange.external_task import ExternalStatus
from runr.interchange.record_fields import RecordFields, describe
from runr.text import one_line

_STATUS = {
    ExternalStatus.OPEN: ("to do", "todo", "open", "pending", "not started", "ready", "reopened"),
    ExternalStatus.IN_PROGRESS: ("in progress", "doing", "started", "wip", "hooked"),
    ExternalStatus.ON_HOLD: (
        *("on hold", "blocked", "deferred", "paused", "waiting", "pinned", "draft"),
        *("review", "in review", "to review"),
    ),
    ExternalStatus.DONE: ("done", "complete", "completed", "closed", "finished", "resolved"),
    ExternalStatus.CANCELLED: (
        *("cancelled", "canceled", "won't do", "wont do", "won't fix", "wontfix"),
        *("not planned", "duplicate", "tombstone"),
    ),
}
_MEANING = {word: status for status, words in _STATUS.items() for word in words}

_PRIORITY = {
    **dict.fromkeys(("critical", "urgent", "highest"), 2),
    "high": 1,
    **dict.fromkeys(("medium", "normal", "none"), 0),
    "low": -1,
    "lowest": -2,
}

_GAPS = re.compile(r"[\s_-]+")
_EDGES = re.compile(r"^\W+|\W+$")


def known_status(word: str) -> ExternalStatus | None:
    """Return what a status means; `✅ Done`, `In_Progress` and `to-do` are read, too."""
    plain = _GAPS.sub(" ", word.casefold().replace("\u2019", "'"))
    return _MEANING.get(_EDGES.sub("", plain))


def read_status(fields: RecordFields, name: str = "status") -> tuple[ExternalStatus, str]:
    """Return what the record's status means, and its word; a task without one is open."""
    _, value = fields.value(name)
    if isinstance(value, bool | list | dict):
        fields.holds.append(f"`{name}` is {describe(value)} where text is wanted")
        return ExternalStatus.ON_HOLD, ""
    word = fields.text(name)
    shown = f"status `{one_line(word)}`"
    status = known_status(word) if word else ExternalStatus.OPEN
    if status is None:
        fields.holds.append(f"{shown} is not known")
    elif status is ExternalStatus.ON_HOLD:
        fields.holds.append(shown)
    elif status is ExternalStatus.IN_PROGRESS:
        fields.changes.append(f"{shown}: pending, as no run of runr works on it")
    return status or ExternalStatus.ON_HOLD, word


def read_priority(fields: RecordFields, name: str = "priority") -> int:
    """Return the record's priority; what is more urgent is higher, medium is 0."""
    word = fields.text(name)
    if word and word.casefold() not in _PRIORITY:
        fields.changes.append(f"priority `{one_line(word)}` is not known: ignored")
    return _PRIORITY.get(word.casefold(), 0)
