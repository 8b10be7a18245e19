"""Put the work of a run on top of its branch, which has moved, for a further attempt."""

from collections.abc import Iterator
from pathlib import Path

from runr.execution.context import RunContext
from runr.git import checkpoint, commits, merge, quarantine, snapshot, submodules
from runr.git.merge import MergeRefusedError
from runr.git.repo import Repo
from runr.runs.events import PhaseFinished
from runr.runs.model import MOVES, UNCHECKED, Phase, RunState
from runr.text import join_names

_MARKS = (b"<<<<<<< ", b">>>>>>> ")


def move_work(context: RunContext, state: RunState) -> PhaseFinished:
    """Merge the work with the tip of its branch, as uncommitted changes on top of it.

    Where the branch no longer has the base, only what changed since that is put on top. The
    commit of the work is kept below `refs/runr`. Files in conflict have git's markers. It can
    be repeated after a kill.
    """
    why, target = state.rework.why, state.start.target or context.root.branch()
    tip = context.root.resolve(f"refs/heads/{target}") if target else None
    if tip is None:
        return refused(state, state.detail)
    tree, base = Repo(Path(state.start.workdir)), state.start.base_sha
    kept = f"refs/runr/{state.id}/{state.rework.times + 1}"
    work = _work(context, state, kept, tip)
    gone = merge.has_lost_base(tree, base, work, tip)
    try:
        if gone:
            merged, files = merge.tree_on_top(tree, base, work, tip)
        else:
            merged, files = merge.tree_with_conflicts(tree, tip, work)
    except MergeRefusedError as error:
        return refused(state, str(error))
    context.root.run("update-ref", kept, work)
    tree.run("read-tree", "--reset", "-u", merged)
    tree.run("update-ref", "-m", f"runr: on top of {target}", "HEAD", tip)
    submodules.populate(context.root, tree, fresh=False)
    detail = f"the work is on top of {target} at {tip[:12]} now; its commit is kept as {kept}"
    if gone:
        detail = f"{target} no longer has {base[:12]}, with which the run began: {detail}"
    elif why == UNCHECKED:
        detail = f"{target} has moved: {detail}"
    if files:
        detail = f"both sides changed {join_names(files)}: {detail}"
    return PhaseFinished(Phase.PREPARE, _outcome(why, files), detail, onto=tip, files=files)


def _outcome(why: str, files: tuple[str, ...]) -> str:
    if why not in MOVES:
        return "ok"
    return "conflict" if files else "moved"


def refused(state: RunState, detail: str | None) -> PhaseFinished:
    """Return that the work stays where it is."""
    why = state.rework.why
    return PhaseFinished(Phase.PREPARE, "land_blocked" if why in MOVES else why, detail)


def _work(context: RunContext, state: RunState, kept: str, onto: str) -> str:
    """Return the commit of the work; on the run's branch it may have been changed by a person."""
    if state.checkpoint_sha is None or not state.is_committed:
        return _committed(context, state)
    if state.rework.why not in MOVES:
        return state.checkpoint_sha
    root = context.root
    tip = root.resolve(f"refs/heads/{state.start.branch}") or state.checkpoint_sha
    # After a kill, the branch may be on top of the other one already.
    done = root.is_ancestor(tip, onto) or not root.is_ancestor(state.start.base_sha, tip)
    return (root.resolve(kept) if done else None) or tip


def _committed(context: RunContext, state: RunState) -> str:
    """Return a commit with what the worker has left in its worktree."""
    start, workspace = state.start, context.workspace(state)
    now = snapshot.take(workspace)
    seen = workspace.checkout()
    planned = checkpoint.plan(
        workspace, seen, base=start.base_sha, base_tree=start.base_tree, now=now
    )
    parents = (planned.head,) if planned.head else ()
    made = commits.create_draft(workspace, planned.tree, parents, b"Work of a run\n")
    quarantine.publish(workspace, quarantine.outside(workspace), made, *parents)
    return made


def forget_kept(context: RunContext, state: RunState) -> None:
    """Remove the refs of the commits that were kept: what became of them has landed."""
    for number in range(1, state.rework.times + 1):
        context.root.attempt("update-ref", "-d", f"refs/runr/{state.id}/{number}")


def marked_files(context: RunContext, state: RunState, tree: str) -> Iterator[str]:
    """Yield the files that were in conflict and still have git's markers."""
    for path in state.rework.files:
        found = context.workspace(state).attempt("cat-file", "blob", f"{tree}:{path}")
        lines = found.out.splitlines() if found.ok else []
        if all(any(line.startswith(mark) for line in lines) for mark in _MARKS):
            yield path
