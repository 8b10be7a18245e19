"""Reconcile: end runs whose process died, so that the status file is true."""

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from runr.clock import Clock, format_utc
from runr.errors import DamagedStateError, RunrError
from runr.execution import completion, process, ref_guard
from runr.execution.context import RunContext
from runr.git import worktree
from runr.runs import journal
from runr.runs.model import Phase, RunState
from runr.status import store
from runr.status.model import Entry, State, fold
from runr.storage import files
from runr.storage.layout import Layout, RunFiles
from runr.workers import cgroup, process_tree

#: Seconds that what is asked to end may take while a reader waits for its answer.
_GRACE_S = 0.5

#: Why a run has ended of which there is no event, or none of this clone.
RECORD_GONE = "the record of its run is gone"
RECORD_FOREIGN = "the record of its run is of another clone"


def reconcile(
    layout: Layout,
    entries: Mapping[str, Entry],
    environment: Mapping[str, str],
    clock: Clock,
    again: Collection[str] = (),
) -> dict[str, Entry]:
    """Return `entries` with every run in progress that has no process ended as interrupted.

    So are the runs of the tasks in `again`, which are open by their journal only. A session's run
    has no process: once its work has begun, it stays open until the session completes it, or it
    is stopped. Checks that a killed completion left are ended.
    """
    reconciled = dict(entries)
    for task, entry in entries.items():
        if entry.status is State.IN_PROGRESS or task in again:
            run = layout.run(entry.last_run_id or "")
            context = RunContext.of(layout, run, environment, clock)
            try:
                reconciled[task] = _reconcile(context, task, entry)
            except (OSError, RunrError) as error:
                # Even where nothing can be written, as on a full disk, the result is right.
                reconciled[task] = _unrecorded(context, entry, error)
    return reconciled


def _reconcile(context: RunContext, task: str, entry: Entry) -> Entry:
    run = context.files
    why = RECORD_FOREIGN if entry.last_run_id and journal.is_foreign(run) else RECORD_GONE
    try:
        state = end_if_dead(context) if entry.last_run_id else None
    except DamagedStateError as damage:
        # One damaged run must not hide the other tasks.
        if process.is_alive(run) or entry.status is not State.IN_PROGRESS:
            return entry
        state, why = None, damage.message
    if state is None:
        return _without_record(context, task, entry, why)
    if process.is_alive(run):
        return entry  # whoever resumes it, or ends it, is about to write what it is
    if state.result or entry.status is not State.IN_PROGRESS:
        return completion.write_status(context, state, if_current=True)
    return entry


def _unrecorded(context: RunContext, entry: Entry, error: Exception) -> Entry:
    """Return the entry of a task whose run has ended, without writing it."""
    now = format_utc(context.clock())
    with suppress(DamagedStateError):
        state = journal.folded(context.files)
        if state is not None and state.result:
            return fold(entry, state, now)
    why = f"its process is gone, which cannot be recorded: {error}"
    return entry._replace(status=State.STOPPED, stop_reason="interrupted", stop_detail=why)


def end_if_dead(context: RunContext) -> RunState | None:
    """Return a run's state, after ending it if its process died; None before it began."""
    run = context.files
    state = journal.folded(run)
    if state is None or state.result:
        return state
    if state.by_session and state.attempt > 0:
        _end_checks_left(run, state)
        return state
    # What is left of the run does not end itself; whoever comes next does.
    if process.is_alive(run) or cgroup.run_around() == run.id:
        return state
    lock = files.hold(run.lock, brief=True)
    if lock is None:
        return state
    try:
        # It may have ended after it was read.
        state = journal.require(run)
        if state.result is None and not (state.by_session and state.attempt > 0):
            process_tree.end_marked(run.id)
            moved = ref_guard.record(context, ref_guard.RefGuard(context, state))
            if state.start.branch is not None:
                worktree.forget_unfinished(context.root, Path(state.start.workdir))
            gone = "the process that opened it" if state.by_session else "its process"
            detail = f"{gone} is gone" + (f"; the worker moved {moved}" if moved else "")
            state = completion.interrupt(context, detail)
    finally:
        os.close(lock)
    return state


def _end_checks_left(run: RunFiles, state: RunState) -> None:
    """End the checks of a session's run whose completion was killed; the run stays open."""
    if not state.phase_open or state.phase is Phase.WORK or process.is_alive(run):
        return
    if cgroup.run_around() == run.id or not process_tree.is_any_left(run.id):
        return
    # A record that cannot be written says nothing against the run.
    with suppress(OSError):
        # Whoever completes the run now does it, and what is found is theirs.
        lock = files.hold(run.lock, brief=True)
        if lock is not None:
            try:
                process_tree.end_marked(run.id, grace_s=_GRACE_S)
            finally:
                os.close(lock)


def _without_record(context: RunContext, task: str, seen: Entry, why: str) -> Entry:
    now = format_utc(context.clock())

    def change(entries: dict[str, Entry]) -> dict[str, Entry]:
        entry = entries.get(task, seen)
        if entry.revision != seen.revision:
            return entries  # another run has claimed it
        stopped = entry._replace(
            status=State.STOPPED,
            stop_reason="interrupted",
            stop_detail=why,
            updated_at=now,
            revision=entry.revision + 1,
        )
        return entries | {task: stopped}

    return store.update(context.layout, change).get(task, seen)
