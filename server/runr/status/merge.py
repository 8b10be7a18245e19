"""Two status files made one, task by task: whatever both sides did, there is one answer. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from runr.status import codec
from runr.status.model import Entry, Evidence, State

_RANK = {
    Evidence.VERIFIED: 5,
    Evidence.WORKSPACE: 4,
    Evidence.ATTESTED: 3,
    Evidence.RELAYED: 2,
    Evidence.INFERRED: 1,
}

#: What is there on one side only, or on neither.
_ABSENT: Any = None


def tasks(
    base: Mapping[str, Entry], ours: Mapping[str, Entry], theirs: Mapping[str, Entry]
) -> dict[str, Entry]:
    """Return the entries of both sides; where both changed a task, the better evidence.

    It is the same whichever side is called ours. What only one side has
    changed, or removed, is as that side says.
    """
    merged = {
        task: _entry(base.get(task), ours.get(task), theirs.get(task))
        for task in sorted({*base, *ours, *theirs})
    }
    return {task: entry for task, entry in merged.items() if entry is not None}


def others(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> dict[str, Any]:
    """Merge what else the files hold, key by key, in the same way."""
    merged = {}
    for key in sorted({*base, *ours, *theirs}):
        sides = (base.get(key, _ABSENT), ours.get(key, _ABSENT), theirs.get(key, _ABSENT))
        value = (
            _changed(*sides)
            if sides[1] == sides[2] or sides[0] in sides[1:]
            else max(sides[1:], key=_text)
        )
        if value is not _ABSENT:
            merged[key] = value
    return merged


def better(one: Entry, two: Entry) -> Entry:
    """Return the entry with the better evidence, the newer one where both have the same.

    The reset of a completion is better than that completion.
    """
    for entry, other in ((one, two), (two, one)):
        if entry.reset_run and entry.reset_of == other.last_run_id:
            return entry
    return max(one, two, key=_order)


def _entry(base: Entry | None, ours: Entry | None, theirs: Entry | None) -> Entry | None:
    if theirs in (ours, base):
        return ours
    if ours == base:
        return theirs
    if ours is None or theirs is None:
        return ours or theirs  # removed here, changed there: what was done there stays
    won = better(ours, theirs)
    lost = theirs if won is ours else ours
    return won._replace(
        run_count=max(won.run_count, lost.run_count),
        revision=max(won.revision, lost.revision) + 1,
        extra={**won.extra, **others(base.extra if base else {}, ours.extra, theirs.extra)},
    )


def _order(entry: Entry) -> tuple[object, ...]:
    done = entry.status is State.COMPLETED
    rank = _RANK[entry.evidence] if done and entry.evidence else 0
    # Two sides that know nothing of each other have no order: what saw more changes counts.
    when = (entry.sequence, entry.revision, entry.updated_at or "")
    # The rest only makes sure that there is always one answer.
    return (
        rank,
        entry.confidence or 0.0 if done else 0.0,
        *when,
        _text(codec.encode(entry)),
    )


def _changed(base: Any, ours: Any, theirs: Any) -> Any:
    return theirs if ours == base else ours


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
