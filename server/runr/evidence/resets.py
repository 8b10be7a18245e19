"""Which completions a person took back, by the records of this clone.

An older status file, or an older entry in it, may say otherwise: the records decide.
"""

from collections.abc import Iterable, Mapping

from runr.errors import DamagedStateError
from runr.runs import completed_runs, journal
from runr.runs.completed_runs import ResetRecord
from runr.runs.model import RunState
from runr.status.model import UNTOUCHED, Entry, State
from runr.storage.layout import Layout


def read(layout: Layout) -> list[ResetRecord]:
    """Return the resets of this clone; the runs are looked through once, for those of before."""
    kept = completed_runs.read_resets(layout.root)
    if kept is not None:
        return kept
    found = [made for run_id in journal.ids(layout) if (made := _read(layout, run_id))]
    completed_runs.add_resets(layout.root, found)
    return found


def keep(layout: Layout, state: RunState) -> None:
    """Keep a reset that is completed beside the key, where its record outlasts its folder."""
    known = read(layout)
    if (made := _record(layout, state)) and made not in known:
        completed_runs.add_resets(layout.root, [made])


def find(
    known: Iterable[ResetRecord], task: str, run_id: str | None, sequence: int
) -> ResetRecord | None:
    """Return the reset that took back the completion of the task by this run, or a later one."""
    return next(
        (
            each
            for each in known
            if each.task == task
            and (sequence < each.of_sequence or (run_id is not None and run_id == each.of))
        ),
        None,
    )


def explain(record: ResetRecord) -> str:
    """Say who took the completion back."""
    client = record.by.removeprefix("client:")
    how = f"by {record.by}" if client == record.by else f"(relayed by {client})"
    return f"its completion was reset {how} (run {record.run_id})"


def applied(entry: Entry, record: ResetRecord) -> Entry:
    """Return the entry of a task that is pending since the reset."""
    return Entry(
        last_run_id=record.run_id,
        updated_at=record.time,
        run_count=entry.run_count,
        revision=entry.revision,
        sequence=max(entry.sequence, record.of_sequence),
        reset_at=record.time,
        reset_by=record.by if record.by.startswith("client:") else f"person:{record.by}",
        reset_run=record.run_id,
        reset_of=record.of,
        reset_commit=record.commit,
        extra=entry.extra,
    )


def apply(layout: Layout, entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the entries without the completions that were taken back."""
    known, found = read(layout), dict(entries)
    for task, entry in entries.items() if known else ():
        made = find(known, task, entry.last_run_id, entry.sequence)
        if made is not None and entry.status is State.COMPLETED:
            found[task] = applied(entry, made)
    # A task without an entry has lost its records; its commits from before do not count again.
    lost = {each.task: applied(UNTOUCHED, each) for each in known if each.task not in entries}
    return found | lost


def _read(layout: Layout, run_id: str) -> ResetRecord | None:
    try:
        # The cached state says of which kind a run is; what counts is read from its events.
        state = journal.state(layout.run(run_id))
        if state is None or state.start.kind != "reset":
            return None
        state = journal.folded(layout.run(run_id))
    except DamagedStateError:
        return None
    return _record(layout, state) if state else None


def _record(layout: Layout, state: RunState) -> ResetRecord | None:
    approval, of = state.decision.approval, state.start.resets
    if state.start.kind != "reset" or state.result != "completed" or approval is None:
        return None
    return ResetRecord(
        run_id=state.id,
        task=state.start.task,
        of=of,
        of_sequence=_sequence(layout, of) or state.sequence,
        by=approval.author if approval.is_relayed else approval.by,
        time=f"{state.ended_at or state.updated_at:.19}Z",
        commit=state.start.base_sha or None,
    )


def _sequence(layout: Layout, run_id: str | None) -> int:
    if not run_id or "/" in run_id:
        return 0
    try:
        state = journal.folded(layout.run(run_id))
    except (DamagedStateError, OSError):
        return 0
    return state.sequence if state else 0
