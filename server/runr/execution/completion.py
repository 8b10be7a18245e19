"""What a run leaves for people: its line in the status file, its patch and its report."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runr import nofollow
from runr.clock import format_utc
from runr.errors import DamagedStateError, GitError
from runr.evidence import rebuild
from runr.execution.context import RunContext
from runr.git import quarantine, snapshot
from runr.git.repo import Repo
from runr.runs import journal, report
from runr.runs.model import RunState
from runr.status import store
from runr.status.model import Entry, fold
from runr.status.store import DamagedStatusError
from runr.storage import files


def write_status(context: RunContext, state: RunState, *, if_current: bool = False) -> Entry:
    """Write what the run makes of its task; doing so again changes nothing.

    With `if_current`, a task that another run has taken since is left alone.
    """
    task, now = state.start.task, format_utc(context.clock())

    def change(entries: dict[str, Entry]) -> dict[str, Entry]:
        entry = entries.get(task, Entry())
        if if_current and entry.last_run_id not in (None, state.id):
            return entries
        # Under the lock, and not as the caller saw it: meanwhile the run may have been taken up.
        folded = fold(entry, journal.require(context.files), now)
        return entries if folded == entry else entries | {task: folded}

    def repair(damage: DamagedStatusError) -> dict[str, Entry]:
        return rebuild.entries(context.layout, damage.salvaged)

    return store.update(context.layout, change, repair=repair).get(task, Entry())


def write_report(context: RunContext, state: RunState) -> None:
    """Write the patch and the report of a run that has ended."""
    stat: tuple[snapshot.Stat, ...] = ()
    try:
        with _trees(context, state) as (repo, before, after):
            patch = snapshot.patch(repo, before, after).decode("utf-8", "surrogateescape")
            clean = context.log.redact(patch).encode("utf-8", "surrogateescape")
            files.replace(context.files.diff, clean)
            stat = snapshot.diffstat(repo, before, after)
    except (GitError, OSError):
        # A worker may have deleted its tree: the rest of the story is still worth telling.
        pass
    lines = [(s.path, s.added, s.deleted) for s in stat]
    if state.start.kind == "intervention":
        text = report.render_receipt(state, lines)
    else:
        text = report.render(state, journal.events(context.files), lines)
    files.replace(context.files.report, context.log.redact(text).encode())


@contextmanager
def _trees(context: RunContext, state: RunState) -> Iterator[tuple[Repo, str, str]]:
    """Yield what the run changed as two trees, and the repository that has both."""
    start = state.start
    if state.checkpoint_sha:
        yield context.root, start.base_sha, state.checkpoint_sha
    elif nofollow.is_folder(context.files.git_data):
        workspace = context.workspace(state)
        now = snapshot.take(workspace)
        yield workspace, snapshot.comparable(workspace, start.base_tree, now), now
    else:
        # A person's word: nothing was looked at before.
        with quarantine.temporary(Repo(Path(start.workdir))) as scratch:
            yield scratch, start.base_tree, snapshot.take(scratch)


def stop(context: RunContext, code: str, detail: str | None = None) -> RunState:
    """End the run with a reason; the work is kept."""
    state = context.log.append("run.stopped", {"code": code, "detail": detail})
    write_status(context, state, if_current=True)
    _tell(context, state)
    return state


def finish(context: RunContext) -> None:
    """Do what follows from an end of which only the timeline tells; nothing for an open run."""
    state = context.log.keep_up()
    if state.ended:
        write_status(context, state, if_current=True)
        _tell(context, state)
    if state.ended == "completed":
        _drop_git_data(context)


def interrupt(context: RunContext, detail: str) -> RunState:
    """End a run whose process is gone, or going: as stopped where somebody asked for it."""
    wanted = ("stop.requested", "run.resumed")
    last = [event for event in journal.events(context.files) if event.type in wanted][-1:]
    if last and last[0].type == "stop.requested":
        return stop(context, "stopped", last[0].payload.get("detail", detail))
    return stop(context, "interrupted", detail)


def complete(context: RunContext) -> RunState:
    """End the run as completed.

    Whoever is killed behind the event leaves a task in progress, of which the
    next look makes a completed one.
    """
    state = context.log.append("run.completed", {})
    write_status(context, state)
    _tell(context, state)
    _drop_git_data(context)
    return state


def _drop_git_data(context: RunContext) -> None:
    """Remove what nothing is compared with any more; a leftover of it only takes room."""
    with suppress(OSError, DamagedStateError):
        nofollow.remove_tree(context.files.git_data)


def _tell(context: RunContext, state: RunState) -> None:
    try:
        write_report(context, state)
    except OSError:
        # Whoever asks for the report has it made: only an older one would be taken for it.
        with suppress(OSError):
            nofollow.unlink(context.files.report, missing_ok=True)
