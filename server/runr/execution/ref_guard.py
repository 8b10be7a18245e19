"""Which branches, tags and HEADs of the repository a worker has moved; they are put back.

What the user does at the same time is not the worker's: git has written it into the log of the
HEAD of another working tree. Nor is what another run lands. The hook that runr gives to the git of
a worker records what that moves, wherever it works.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from runr.execution import landed
from runr.execution.context import RunContext
from runr.git import folders, hooks, refs
from runr.git.refs import Move, Refs, WorkingTree
from runr.runs.events import RefsMoved
from runr.runs.model import MovedRef, RunState

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
        others = [tree for folder, tree in before.trees.items() if folder != own]
        yield from self._heads(others, after)
        checked_out = {tree.ref for tree in others} | {_branch(self._start.target)}
        recorded = self._recorded()
        for move in refs.moves(before, after):
            by_worker = move.ref in recorded
            if self._is_own(move):
                continue
            if not by_worker and self._is_explained(move, others, after):
                continue
            guarded = by_worker or move.ref in checked_out
            last = recorded.get(move.ref, move.new)
            back = guarded and last == move.new and refs.put_back(self._repo, move, self._note)
            yield MovedRef(move.ref, move.old, move.new, by_worker=guarded, put_back=back)

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
            yield MovedRef("HEAD", wanted, now.ref, by_worker=True, put_back=back)

    def _heads(self, others: list[WorkingTree], after: Refs) -> Iterator[MovedRef]:
        for tree in others:
            now = after.trees.get(tree.git_dir)
            if now is None or now.head == tree.head:
                continue
            if refs.logged_steps(tree):
                continue
            back = refs.put_head_back(self._repo, tree)
            yield MovedRef("HEAD", tree.head, now.head, by_worker=True, put_back=back)

    def _is_own(self, move: Move) -> bool:
        if move.ref.startswith(_RUNS) and move.ref != _branch(self._start.target):
            return True
        if self._start.branch is not None or move.ref != _branch(self._start.target):
            return False
        # In the user's tree the worker may commit, but not take commits away.
        return move.new is not None and self._repo.is_ancestor(move.old or "", move.new)

    def _is_explained(self, move: Move, others: list[WorkingTree], after: Refs) -> bool:
        """Tell whether the user, in another working tree, or other runs have moved the ref."""
        if move.old is None or move.new is None:
            return False
        steps: set[tuple[str, str]] = set()
        for tree in others:
            now = after.trees.get(tree.git_dir)
            if move.ref in (tree.ref, now.ref if now else None):
                steps |= refs.logged_steps(tree)
        return landed.explains(self._context, move.old, move.new, steps)

    def _recorded(self) -> dict[str, str | None]:
        """Return the refs that a git of the worker's has moved, with where it left them."""
        found: dict[str, str | None] = {}
        with suppress(OSError):
            for line in os.fsdecode(self._log.read_bytes()).splitlines():
                _, new, ref = line.split(" ", 2) if line.count(" ") > 1 else ("", "", "")
                found[ref] = new if new.strip("0") else None
        return found


def _branch(name: str | None) -> str | None:
    return _HEADS + name if name else None


def guarded(context: RunContext, state: RunState) -> Callable[[], str]:
    """Note the refs, and return what compares them: it returns which the worker has moved.

    They are recorded in the journal.
    """
    guard = RefGuard(context, state)
    guard.begin()
    return lambda: record(context, guard)


def record(context: RunContext, guard: RefGuard) -> str:
    """Compare the refs and record those that changed; return the ones that the worker moved."""
    moved = guard.finish()
    if moved is None:
        return ""
    context.journal.append(moved)
    return "; ".join(each.message for each in moved.refs if each.by_worker)
