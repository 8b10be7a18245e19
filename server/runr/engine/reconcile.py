"""Runs whose process is gone: found by whoever looks next, and ended with a true status."""

import os
from collections.abc import Mapping

from runr.core.status import Entry, State
from runr.engine import ending, local, record
from runr.engine.context import RunContext
from runr.store import files, runlog, statusfile
from runr.store.layout import Layout
from runr.store.runlog import Clock
from runr.workers import tree


def reconcile(
    layout: Layout,
    entries: Mapping[str, Entry],
    environment: Mapping[str, str],
    clock: Clock,
) -> dict[str, Entry]:
    """Return `entries` with every run in progress that nobody carries on ended as interrupted.

    A session's run has no process: it stays open until the session completes
    it or somebody stops it.
    """
    settled = dict(entries)
    for task, entry in entries.items():
        if entry.status is State.IN_PROGRESS:
            settled[task] = _settle(layout, task, entry, environment, clock)
    return settled


def _settle(
    layout: Layout, task: str, entry: Entry, environment: Mapping[str, str], clock: Clock
) -> Entry:
    run = layout.run(entry.last_run_id or "")
    state = runlog.state(run) if entry.last_run_id else None
    if state is None:
        return _without_record(layout, task, runlog.stamp(clock()))
    context = RunContext.of(layout, run, environment, clock)
    if state.ended:
        return record.status(context, state)
    if state.by_session or local.is_alive(run):
        return entry
    lock = files.hold(run.lock)
    if lock is None:
        return entry
    try:
        tree.end_marked(run.id)
        state = ending.stop(context, "interrupted", "its process is gone")
        return record.status(context, state)
    finally:
        os.close(lock)


def _without_record(layout: Layout, task: str, now: str) -> Entry:
    def change(entries: dict[str, Entry]) -> dict[str, Entry]:
        entry = entries[task]
        stopped = {
            "status": State.STOPPED,
            "stop_reason": "interrupted",
            "error": "the record of its run is gone",
            "updated_at": now,
            "revision": entry.revision + 1,
        }
        return entries | {task: entry.model_copy(update=stopped)}

    return statusfile.update(layout, change)[task]
