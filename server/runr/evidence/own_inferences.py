"""Which inferred completions runr itself has recorded in this clone.

The status file can say so of any task. What was inferred here is kept beside the key.
"""

from collections.abc import Iterable, Mapping

from runr.runs import completed_runs
from runr.runs.completed_runs import Inferred
from runr.status.model import Entry, Evidence, State
from runr.storage.layout import Layout

#: The texts of a task, by what was inferred of it with each.
Known = Mapping[Inferred, frozenset[str | None]]


def is_inferred(entry: Entry) -> bool:
    """Tell whether the entry is a completion that only commits, or the header, showed."""
    return entry.status is State.COMPLETED and entry.evidence is Evidence.INFERRED


def read(layout: Layout, entries: Iterable[Entry]) -> Known:
    """Return what was inferred in this clone; nothing where no entry is inferred."""
    if not any(map(is_inferred, entries)):
        return {}
    found: dict[Inferred, frozenset[str | None]] = {}
    for each in completed_runs.read_inferred(layout.root):
        fact = each._replace(task_sha256=None)
        found[fact] = found.get(fact, frozenset()) | {each.task_sha256}
    return found


def keep(layout: Layout, made: Mapping[str, Entry]) -> None:
    """Keep which of these completions runr has inferred here."""
    known = read(layout, made.values())
    inferred = [(task, entry) for task, entry in made.items() if is_inferred(entry)]
    fresh = [_fact(*each) for each in inferred if not is_own(known, *each)]
    completed_runs.add_inferred(layout.root, fresh)


def is_own(known: Known, task: str, entry: Entry) -> bool:
    """Tell whether runr inferred in this clone what the entry says.

    An acknowledgement, which has a record of its own, gives the entry another text.
    """
    if not is_inferred(entry):
        return False
    fact = _fact(task, entry)
    texts = known.get(fact._replace(task_sha256=None), frozenset())
    return bool(texts) and (bool(entry.acknowledged_run) or fact.task_sha256 in texts)


def _fact(task: str, entry: Entry) -> Inferred:
    return Inferred(
        task=task,
        run_id=entry.last_run_id,
        commit=entry.checkpoint_sha,
        basis=entry.basis or "",
        confidence=entry.confidence or 0.0,
        completed_by=entry.completed_by or "",
        verification=entry.verification.value,
        task_sha256=entry.task_sha256,
        sequence=entry.sequence,
    )
