"""Put back the files of a run that has failed as they were before its work, which is kept."""

from pathlib import Path
from typing import NamedTuple

from runr.errors import ConflictError
from runr.execution.context import RunContext
from runr.git import (
    kept_changes,
    quarantine,
    snapshot,
    staged_before,
    staged_since,
    worktree,
)
from runr.git.merge_entry import old_side
from runr.git.repo import Checkout, Repo
from runr.git.snapshot import GITLINK, Change
from runr.runs import journal
from runr.runs.hook_events import WorkRestored
from runr.runs.model import RunState
from runr.status import store
from runr.status.model import State
from runr.text import join_limited

#: How many files are named in a sentence.
_NAMED = 5

_SHA = 12
_NOTHING = "there was nothing to put back"

_BACK = "git diff-tree -p --binary {0}^ {0} | git apply"


class _Taken(NamedTuple):
    """The changes that are taken out, and the paths that stay as they are now."""

    changes: tuple[Change, ...] = ()
    left: tuple[str, ...] = ()


def restore(context: RunContext, state: RunState) -> str:
    """Take what the run has changed since its last commit out of its files; say what was done.

    A ConflictError where that cannot be parted from what others have changed; nothing was
    changed then.
    """
    start = state.start
    if start.branch is not None:
        worktree.refuse_foreign(context.root, Path(start.workdir))
        if not (Path(start.workdir) / ".git").exists():
            return "there was nothing to put back: its worktree is gone"
    workspace = context.workspace(state)
    seen = workspace.checkout()
    taken = _in_worktree(workspace, state) if start.branch else _in_place(context, state, seen)
    undone = _staged(workspace, state, seen, taken)
    tree = snapshot.take(workspace) if undone else ""
    staged = staged_since.keep(workspace, seen.commit, undone, tree) if seen and undone else None
    moved = start.branch is not None and seen is not None and seen.commit != _ground(state)
    ref = ""
    if taken.changes or moved or staged:
        ref = f"refs/runr/{state.id}/restored/{_number(context, state)}"
        also = (seen.commit,) if moved and seen else ()
        ground = _ground(state) if start.branch else seen.commit if seen else None
        _take_out(workspace, ground, taken, ref, (*also, staged) if staged else also)
    real = quarantine.outside(workspace)
    if start.branch is None:
        staged_since.undo(real, undone)
    elif ref or undone:
        _move_back(real, state, seen)
    if ref:
        after = None if start.branch else snapshot.take(workspace)
        paths = tuple(change.path for change in taken.changes)
        context.journal.append(WorkRestored(ref, paths, after))
    return _described(taken, ref, undone, staged)


def _staged(
    workspace: Repo, state: RunState, seen: Checkout | None, taken: _Taken
) -> tuple[Change, ...]:
    """Return what undoes that something was staged, or no longer staged, since the run began."""
    if seen is None:
        return ()
    real = quarantine.outside(workspace)
    if state.start.branch is not None:
        return staged_since.undoing(real, seen.commit, {})
    ground = _ground(state)
    committed = snapshot.changed(workspace, state.start.base_sha, ground) if ground else ()
    gone = {change.path for change in committed}
    before = staged_before.recall(workspace)
    kept = {path: entry for path, entry in before.items() if path not in gone}
    return staged_since.undoing(real, seen.commit, kept, taken.left)


def _take_out(
    workspace: Repo, ground: str | None, taken: _Taken, ref: str, also: tuple[str, ...]
) -> None:
    kept = kept_changes.keep(workspace, ground, taken.changes, ref, also)
    try:
        kept_changes.take_out(workspace, kept)
    except BaseException:
        quarantine.outside(workspace).attempt("update-ref", "-d", ref)
        raise


def _ground(state: RunState) -> str:
    """Return the commit on which the work began that was not committed."""
    return state.checkpoints[-1] if state.checkpoints else state.start.base_sha


def _number(context: RunContext, state: RunState) -> int:
    names = ("--format=%(refname)", f"refs/runr/{state.id}/restored/")
    known = context.root.text("for-each-ref", *names).split()
    return 1 + max((int(name.rpartition("/")[2]) for name in known), default=0)


def _in_worktree(workspace: Repo, state: RunState) -> _Taken:
    now = snapshot.take(workspace)
    found = snapshot.changed(workspace, _ground(state), now)
    return _parted(workspace, found, frozenset())


def _in_place(context: RunContext, state: RunState, seen: Checkout | None) -> _Taken:
    """Return the changes of the run in the user's tree, where nothing else was changed since."""
    workspace, stopped = context.workspace(state), state.stopped_tree
    if (seen.commit if seen else "") != _ground(state):
        raise ConflictError(
            "nothing was put back: a commit was made, or another one checked out, since the run "
            "began or its last commit"
        )
    if other := _other_run(context, state):
        raise ConflictError(f"nothing was put back: run {other} works in the same files")
    if stopped is None:
        raise ConflictError("nothing was put back: it is not known how the run left the files")
    before, unclear = _before(workspace, state)
    since = {
        change.path for change in snapshot.changed(workspace, stopped, snapshot.take(workspace))
    }
    return _parted(workspace, snapshot.changed(workspace, before, stopped), since | unclear)


def _before(workspace: Repo, state: RunState) -> tuple[str, frozenset[str]]:
    """Return the files before the work, and those of which that is not known.

    After a milestone these are the ones that its commit has and that had other changes as well.
    """
    start = state.start
    if not state.checkpoints:
        return start.base_tree, frozenset()
    committed = snapshot.changed(workspace, start.base_sha, _ground(state))
    users = {each.path for each in snapshot.changed(workspace, start.base_sha, start.base_tree)}
    tree = snapshot.with_changes(workspace, start.base_tree, committed)
    return tree, frozenset(users.intersection(each.path for each in committed))


def _parted(
    workspace: Repo, found: tuple[Change, ...], others: frozenset[str] | set[str]
) -> _Taken:
    """Part the changes from those that are of others, or of which the content before is unknown."""
    befores = {entry.object_id for change in found if (entry := old_side(change))}
    unknown = snapshot.missing(workspace, befores)

    def may_go(change: Change) -> bool:
        before = old_side(change)
        is_known = before is None or before.object_id not in unknown
        modes = (change.old_mode, change.new_mode)
        return is_known and GITLINK not in modes and change.path not in others

    return _Taken(
        tuple(change for change in found if may_go(change)),
        tuple(change.path for change in found if not may_go(change)),
    )


def _other_run(context: RunContext, state: RunState) -> str | None:
    """Return another run that works in the same folder."""
    for entry in store.read(context.layout).tasks.values():
        if entry.status is not State.IN_PROGRESS or entry.last_run_id in (None, state.id):
            continue
        other = journal.state(context.layout.run(entry.last_run_id or ""))
        if other and not other.result and other.start.workdir == state.start.workdir:
            return other.id
    return None


def _move_back(real: Repo, state: RunState, seen: Checkout | None) -> None:
    """Have the run's own branch and index without the commits that its worker made."""
    ground = _ground(state)
    if seen is not None and seen.commit != ground:
        real.run("update-ref", "-m", f"runr: restore {state.id}", "HEAD", ground, seen.commit)
    real.run("read-tree", "--reset", ground)
    real.attempt("update-index", "-q", "--refresh")


def _described(taken: _Taken, ref: str, undone: tuple[Change, ...], staged: str | None) -> str:
    count = len(taken.changes)
    parts = []
    if taken.left:
        names = join_limited(taken.left, _NAMED)
        parts.append(f"left as they are, as it is not known what of them is the run's: {names}")
    if ref and not (undone and not count):
        files = "1 file is" if count == 1 else f"{count} files are"
        parts.append(f"{files} as before; `{_BACK.format(ref)}` brings the work back")
    if undone:
        kept = f", and `git show {staged[:_SHA]}` has what was staged only" if staged else ""
        parts.append(f"what is staged is as before{kept}")
    return "; ".join(parts) if ref or undone else "; ".join([*parts, _NOTHING])
