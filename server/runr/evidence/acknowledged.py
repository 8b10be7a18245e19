"""What of the acknowledgements in the status file the records of this clone support."""

from collections.abc import Mapping

from runr import nofollow
from runr.errors import DamagedStateError
from runr.runs import journal
from runr.runs.completed_runs import Completed
from runr.runs.model import RunState
from runr.status.model import UNTOUCHED, Entry, State, fold
from runr.storage import state_dir
from runr.storage.layout import Layout

_FIELDS = (
    *("acknowledged_at", "acknowledged_by", "acknowledged_run"),
    *("acknowledged_commit", "acknowledged_sequence"),
)


def is_acknowledged(entry: Entry) -> bool:
    """Tell whether the entry says that a person confirmed the completion after a change."""
    return any(getattr(entry, field) for field in _FIELDS)


def unsupported(
    layout: Layout, entries: Mapping[str, Entry], known: Mapping[str, Completed]
) -> dict[str, Entry]:
    """Return the entries that no record supports, without what they say of an acknowledgement.

    That of another clone, in a shared status file, counts as what that file says.
    """
    return {
        task: _without(entry, known.get(entry.last_run_id or ""))
        for task, entry in entries.items()
        if entry.status is State.COMPLETED
        and is_acknowledged(entry)
        and not _is_supported(layout, task, entry)
    }


def _is_supported(layout: Layout, task: str, entry: Entry) -> bool:
    run_id = entry.acknowledged_run or ""
    if not run_id or not nofollow.existing(layout.runs, {run_id}):
        return bool(run_id) and state_dir.is_shared(layout)
    try:
        state = journal.folded(layout.run(run_id))
    except DamagedStateError:
        return False
    return state is not None and _says(state, task, entry)


def _says(state: RunState, task: str, entry: Entry) -> bool:
    """Tell whether the record of the acknowledgement says of the task what the entry does."""
    if state.start.kind != "acknowledgement" or state.start.task != task:
        return False
    made = fold(UNTOUCHED._replace(status=State.COMPLETED), state, entry.acknowledged_at or "")
    return all(getattr(made, field) == getattr(entry, field) for field in (*_FIELDS, "task_sha256"))


def _without(entry: Entry, record: Completed | None) -> Entry:
    cleared = entry._replace(
        acknowledged_at=None,
        acknowledged_by=None,
        acknowledged_run=None,
        acknowledged_commit=None,
        acknowledged_sequence=0,
    )
    return cleared if record is None else cleared._replace(task_sha256=record.task_sha256)
