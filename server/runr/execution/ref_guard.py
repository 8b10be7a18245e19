"""Which branches, tags and HEADs of the repository were moved while a worker worked, and by whom.

The hook that runr gives to the git of a worker records what that moves, wherever it works: only
this is evidence, and only this is put back. What git has written into the log of the HEAD of
another working tree is the user's, and other runs record what they land. Of the rest it is not
known whose it is: a run stops for it where it could matter, and changes nothing.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from runr.execution import landed
from runr.execution.context import RunContext
from runr.git import folders, hooks, refs
from runr.git.refs import Move, Refs, WorkingTree
from runr.runs.events import RefsMoved
from runr.runs.model import MovedRef, RunState

#: From which object to which one; None where there was none, or git was not asked for it.
Step = tuple[str | None, str | None]
Pair = tuple[str, str]

_HEADS = "refs/heads/"
#: Below this are the branches of runs, each of which looks after its own.
_RUNS = "refs/heads/runr/"


class RefGuard:
    """The refs before the work of one run, kept on disk until they are compared."""

    def __init__(self, context: RunContext, state: RunState) -> None:
        self._context = context
        self._start, self._id = state.start, state.id
        self._repo = context.root
        folder = hooks.ref_log_folder(self._repo.common_dir())
        self._file, self._log = folder / f"{self._id}.json", folder / f"{self._id}.moved"

    def begin(self) -> None:
        """Note the refs as they are; what is noted already, by a process that died, stays."""
        if self._noted() is None:
            self._log.unlink(missing_ok=True)
            self._file.parent.mkdir(parents=True, exist_ok=True)
            found = refs.read(self._repo)
            # Git makes the worktree of another run in several steps; its own guard looks after it.
            guarded = {at: tree for at, tree in found.trees.items() if not self._is_anothers(at)}
            noted = found._replace(trees=guarded)
            self._file.write_text(json.dumps(refs.encode(noted)))

    def _is_anothers(self, git_dir: Path) -> bool:
        """Tell whether this is the git directory of another run's worktree."""
        with suppress(OSError):
            tree = Path((git_dir / "gitdir").read_text(errors="surrogateescape").strip()).parent
            own = Path(self._start.workdir).resolve()
            return tree != own and tree.parent == self._context.layout.worktrees.resolve()
        return False

    def finish(self) -> RefsMoved | None:
        """Compare and put back what the worker has moved; None where there is nothing to report."""
        before = self._noted()
        if before is None:
            return None
        moved = tuple(self._compare(before, refs.read(self._repo)))
        self._file.unlink(missing_ok=True)
        self._log.unlink(missing_ok=True)
        return RefsMoved(moved) if moved else None

    def _noted(self) -> Refs | None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            return refs.decode(json.loads(self._file.read_bytes()))
        return None

    def _compare(self, before: Refs, after: Refs) -> Iterator[MovedRef]:
        own = self._own_tree(before)
        yield from self._own_head(before, after, own)
        yield from self._switched(before, after, own)
        others = [tree for folder, tree in before.trees.items() if folder != own]
        yield from _heads(others, after)
        checked_out = {tree.ref for tree in others} | {_branch(self._start.target)}
        recorded = self._recorded()
        for move in (*refs.moves(before, after), *_undone(before, after, recorded)):
            if self._is_own(move):
                continue
            steps = _steps_of(move.ref, others, after)
            if found := recorded.get(move.ref):
                yield self._put_back(move, found, is_logged=bool(steps))
            elif not self._is_explained(move, steps):
                stops = move.ref in checked_out
                yield MovedRef(move.ref, move.old, move.new, stops=stops)

    def _put_back(self, move: Move, found: list[Step], *, is_logged: bool) -> MovedRef:
        """Put a ref back to where the worker's git has found it, if it is still where that left it.

        What a user committed before is then still there. Where a user has moved the ref, too, and
        git was not asked for the old place, nothing is done.
        """
        old, new = _span(found)
        before = old or (None if is_logged else move.old)
        back = new == move.new and before is not None
        moved = move._replace(old=before or move.old)
        back = back and refs.put_back(self._repo, moved, self._note)
        return MovedRef(*moved, by_worker=True, stops=True, put_back=back)

    @property
    def _note(self) -> str:
        return f"runr: put back after run {self._id}"

    def _own_tree(self, before: Refs) -> Path | None:
        found = folders.git_dir(Path(self._start.workdir))
        if found is None:  # the worker has removed it
            return next((each for each in before.trees if each.name == self._id), None)
        return found

    def _own_head(self, before: Refs, after: Refs, own: Path | None) -> Iterator[MovedRef]:
        """Put HEAD of the run's own worktree back to its branch; report a branch of others."""
        wanted, now = _branch(self._start.branch), after.trees.get(own) if own else None
        if wanted is None or now is None or now.ref == wanted:
            return
        mine = WorkingTree(now.git_dir, f"ref: {wanted}", 0)
        back = refs.put_head_back(self._repo, mine)
        if now.ref in before.objects:
            yield MovedRef("HEAD", wanted, now.ref, by_worker=True, stops=True, put_back=back)

    def _switched(self, before: Refs, after: Refs, own: Path | None) -> Iterator[MovedRef]:
        """Yield HEAD of the user's working tree, where it has left the branch of the run.

        The user may have done that, so it stays.
        """
        wanted, now = _branch(self._start.target), after.trees.get(own) if own else None
        if self._start.branch is None and wanted and now is not None and now.ref != wanted:
            was = before.trees.get(now.git_dir, now).ref
            yield MovedRef("HEAD", was or wanted, now.ref or now.head, stops=True)

    def _is_own(self, move: Move) -> bool:
        if move.ref.startswith(_RUNS) and move.ref != _branch(self._start.target):
            return True
        if self._start.branch is not None or move.ref != _branch(self._start.target):
            return False
        # In the user's tree the worker may commit, but not take commits away.
        return move.new is not None and self._repo.is_ancestor(move.old or "", move.new)

    def _is_explained(self, move: Move, steps: set[Pair]) -> bool:
        """Tell whether the user, in another working tree, or other runs have moved the ref."""
        if move.old is None or move.new is None:
            return False
        return landed.explains(self._context, move.old, move.new, steps)

    def _recorded(self) -> dict[str, list[Step]]:
        """Return how a git of the worker's has moved each ref, step by step."""
        found: dict[str, list[Step]] = {}
        with suppress(OSError):
            for line in os.fsdecode(self._log.read_bytes()).splitlines():
                if line.count(" ") > 1:
                    old, new, ref = line.split(" ", 2)
                    ids = (each if each.strip("0") else None for each in (old, new))
                    found.setdefault(ref, []).append((next(ids), next(ids)))
        return found


def _undone(before: Refs, after: Refs, recorded: Mapping[str, list[Step]]) -> Iterator[Move]:
    """Yield the refs that are as before only because the worker took back what others had moved."""
    for ref, steps in recorded.items():
        old, new = _span(steps)
        if old not in (None, new) and new == before.objects.get(ref) == after.objects.get(ref):
            yield Move(ref, old, new)


def _span(steps: list[Step]) -> Step:
    """Return from where to where the last of the steps lead that follow each other."""
    *earlier, (old, new) = steps
    for before, after in reversed(earlier):
        if old is None or after != old:
            break
        old = before
    return old, new


def _heads(others: list[WorkingTree], after: Refs) -> Iterator[MovedRef]:
    """Yield the working trees whose HEAD is another one, which no log explains."""
    for tree in others:
        now = after.trees.get(tree.git_dir)
        if now is not None and now.head != tree.head and not refs.logged_steps(tree):
            yield MovedRef("HEAD", tree.head, now.head, stops=True)


def _steps_of(ref: str, others: list[WorkingTree], after: Refs) -> set[Pair]:
    """Return how the user has moved a ref in the working trees that had or have it."""
    steps: set[Pair] = set()
    for tree in others:
        now = after.trees.get(tree.git_dir)
        if ref in (tree.ref, now.ref if now else None):
            steps |= refs.logged_steps(tree)
    return steps


def _branch(name: str | None) -> str | None:
    return _HEADS + name if name else None


def guarded(context: RunContext, state: RunState) -> Callable[[], str]:
    """Note the refs, and return what compares them: it returns those for which the run stops.

    They are recorded in the journal.
    """
    guard = RefGuard(context, state)
    guard.begin()
    return lambda: record(context, guard)


def record(context: RunContext, guard: RefGuard) -> str:
    """Compare the refs and record those that changed; return the ones for which the run stops."""
    moved = guard.finish()
    if moved is None:
        return ""
    context.journal.append(moved)
    return "; ".join(each.message for each in moved.refs if each.stops)
