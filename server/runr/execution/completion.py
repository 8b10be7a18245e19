"""The end of a run: its last event, its entry in the status file, its patch and its report."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runr import nofollow
from runr.clock import format_utc
from runr.errors import DamagedStateError, GitError
from runr.evidence import rebuild, resets
from runr.execution import run_hooks, since_stop
from runr.execution.context import RunContext
from runr.git import quarantine, snapshot
from runr.git.repo import Repo
from runr.runs import journal, report
from runr.runs.events import RunCompleted, RunResumed, RunStopped, RunStopRequested
from runr.runs.model import RunState
from runr.status import store
from runr.status.model import Entry, fold, is_failed_rerun
from runr.status.store import DamagedStatusError
from runr.storage import files


def write_status(context: RunContext, state: RunState, *, if_current: bool = False) -> Entry:
    """Write the run's result into the status file; idempotent.

    With `if_current`, the entry of a task that another run has claimed since is left alone.
    """
    task, now = state.start.task, format_utc(context.clock())
    if state.start.kind == "reset":
        resets.keep(context.layout, state)

    def change(entries: dict[str, Entry]) -> dict[str, Entry]:
        entry = entries.get(task, Entry())
        if if_current and entry.last_run_id not in (None, state.id):
            return entries
        # Read again under the lock: the run may have been resumed meanwhile.
        current = journal.require(context.files)
        if is_failed_rerun(current) and entry.last_run_id == state.id:
            folded = _as_before(context, entries, task)
        else:
            folded = fold(entry, current, now)
        return entries if folded == entry else entries | {task: folded}

    def repair(damage: DamagedStatusError) -> dict[str, Entry]:
        return rebuild.entries(context.layout, damage.salvaged)

    return store.update(context.layout, change, repair=repair).get(task, Entry())


def _as_before(context: RunContext, entries: dict[str, Entry], task: str) -> Entry:
    """Return the entry of the task as it was before it was run again to no avail."""
    entry = entries[task]
    before = rebuild.entries(context.layout, entries).get(task, entry)
    return before._replace(
        run_count=entry.run_count, revision=entry.revision + 1, extra=entry.extra
    )


def write_report(context: RunContext, state: RunState) -> None:
    """Write the patch and the report of a run that has ended."""
    stat: tuple[snapshot.Stat, ...] = ()
    try:
        with _trees(context, state) as (repo, before, after):
            stat, patch = snapshot.diffstat(repo, before, after)
            clean = context.journal.redact(patch.decode("utf-8", "surrogateescape")).encode(
                "utf-8", "surrogateescape"
            )
            files.replace(context.files.diff, clean)
    except (GitError, OSError):
        # A worker may have deleted its tree; the report still has the rest.
        pass
    lines = [(s.path, s.added, s.deleted) for s in stat]
    if state.start.kind == "manual_commit":
        text = report.render_receipt(state, lines)
    else:
        text = report.render(state, journal.events(context.files), lines)
    # Names of files are bytes, which need not be text.
    files.replace(
        context.files.report, context.journal.redact(text).encode(errors="backslashreplace")
    )


@contextmanager
def _trees(context: RunContext, state: RunState) -> Iterator[tuple[Repo, str, str]]:
    """Yield what the run changed as two trees, and the repository that has both."""
    start = state.start
    if state.checkpoint_sha:
        yield context.root, _since(context.root, state), state.checkpoint_sha
    elif nofollow.is_folder(context.files.git_data):
        workspace = context.workspace(state)
        now = snapshot.take(workspace)
        yield workspace, snapshot.comparable(workspace, start.base_tree, now), now
    else:
        # The run of a person has no snapshots.
        with quarantine.temporary(Repo(Path(start.workdir))) as scratch:
            yield scratch, start.base_tree, snapshot.take(scratch)


def _since(repo: Repo, state: RunState) -> str:
    """Return the base, or the parent of the commit where the base was reset away in place."""
    base, made = state.start.base_sha, state.checkpoint_sha or ""
    if state.start.branch is not None or repo.is_ancestor(base, made):
        return base
    return repo.resolve(f"{made}^") or base


def stop(context: RunContext, code: str, detail: str | None = None) -> RunState:
    """End the run with a reason; the work is kept."""
    tree = since_stop.tree_at_stop(context, journal.require(context.files))
    state = context.journal.append(RunStopped(code, detail, tree))
    _publish(context, state)
    return state


def finish(context: RunContext) -> None:
    """Write status and report of a run that a hook has ended; nothing for an open run."""
    state = journal.require(context.files)
    if state.result:
        _publish(context, state)
    if state.result == "completed":
        _drop_git_data(context)


def interrupt(context: RunContext, detail: str) -> RunState:
    """End a run whose process is gone or exiting: as stopped where that was requested."""
    request: RunStopRequested | None = None
    for event in journal.events(context.files):
        if isinstance(event.data, RunStopRequested):
            request = event.data
        elif isinstance(event.data, RunResumed):
            request = None
    if request is None:
        return stop(context, "interrupted", detail)
    return stop(context, "stopped", request.detail or detail)


def complete(context: RunContext) -> RunState:
    """End the run as completed.

    If the process is killed after the event, the next reconciliation completes the task.
    """
    state = context.journal.append(RunCompleted())
    write_status(context, state)
    _write_report(context, state)
    _drop_git_data(context)
    run_hooks.announce_end(context, state)
    return state


def _drop_git_data(context: RunContext) -> None:
    """Remove the snapshots, which are not needed any more; an error only wastes space."""
    with suppress(OSError, DamagedStateError):
        nofollow.remove_tree(context.files.git_data)


def _publish(context: RunContext, state: RunState) -> None:
    write_status(context, state, if_current=True)
    _write_report(context, state)
    run_hooks.announce_end(context, state)


def _write_report(context: RunContext, state: RunState) -> None:
    try:
        write_report(context, state)
    except OSError:
        # A missing report is written when it is read; an outdated one would stay.
        with suppress(OSError):
            nofollow.unlink(context.files.report, missing_ok=True)
