"""What a run leaves for people: its line in the status file, its patch and its report."""

from runr.core import receipt, report
from runr.core.runstate import RunState
from runr.core.status import Entry, fold
from runr.engine import rebuild
from runr.engine.context import RunContext
from runr.errors import GitError
from runr.git import snapshot
from runr.git.repo import Repo
from runr.store import files, runlog, statusfile
from runr.store.statusfile import DamagedStatusError


def status(context: RunContext, state: RunState, *, if_current: bool = False) -> Entry:
    """Write what the run makes of its task; doing so again changes nothing.

    With `if_current`, a task that another run has taken since is left alone.
    """
    task, now = state.start.task, runlog.stamp(context.clock())

    def change(entries: dict[str, Entry]) -> dict[str, Entry]:
        entry = entries.get(task, Entry())
        if if_current and entry.last_run_id not in (None, state.id):
            return entries
        # Under the lock, and not as the caller saw it: meanwhile the run may have been taken up.
        folded = fold(entry, runlog.require(context.files), now)
        return entries if folded == entry else entries | {task: folded}

    def repair(damage: DamagedStatusError) -> dict[str, Entry]:
        return rebuild.entries(context.layout, damage.salvaged)

    return statusfile.update(context.layout, change, repair=repair).get(task, Entry())


def story(context: RunContext, state: RunState) -> None:
    """Write the patch and the report of a run that has ended."""
    stat: tuple[snapshot.Stat, ...] = ()
    try:
        repo, before, after = _trees(context, state)
        patch = snapshot.patch(repo, before, after).decode("utf-8", "surrogateescape")
        clean = context.log.redact(patch).encode("utf-8", "surrogateescape")
        files.replace(context.files.diff, clean)
        stat = snapshot.diffstat(repo, before, after)
    except (GitError, OSError):
        # A worker may have deleted its tree: the rest of the story is still worth telling.
        pass
    lines = [(s.path, s.added, s.deleted) for s in stat]
    if state.start.kind == "intervention":
        text = receipt.render(state, lines)
    else:
        text = report.render(state, runlog.events(context.files), lines)
    files.replace(context.files.report, context.log.redact(text).encode())


def _trees(context: RunContext, state: RunState) -> tuple[Repo, str, str]:
    if state.checkpoint_sha:
        return context.root, state.start.base_sha, state.checkpoint_sha
    workspace = context.workspace(state)
    return workspace, state.start.base_tree, snapshot.take(workspace)
