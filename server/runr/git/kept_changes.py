"""Changes that are taken out of a working tree: first kept as a commit of their own, then undone.

The commit is below `refs/runr`, so git keeps it, and it differs from its parent in exactly these
changes. The files are changed with `git apply`, which does all of it or, where a file is not as the
commit has it, nothing.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePath

from runr.errors import GitError
from runr.git import commits, quarantine, snapshot
from runr.git.failures import complaint
from runr.git.merge_entry import new_side, old_side
from runr.git.repo import Repo
from runr.git.snapshot import Change

#: The user's settings for patches from elsewhere have no say about runr's own.
_APPLY = ("apply", "--whitespace=nowarn", "--no-ignore-whitespace")
_EMPTY = "000000"
_ATTRIBUTES = ".gitattributes"


def keep(
    workspace: Repo, ground: str | None, changes: Iterable[Change], ref: str, also: Sequence[str]
) -> str:
    """Keep the changes as the commit `ref`, on top of the commit `ground`, and return it.

    The commits in `also` are kept with it.
    """
    real, found = quarantine.outside(workspace), tuple(changes)
    tree = f"{ground}^{{tree}}" if ground else snapshot.empty_tree(workspace)
    under = snapshot.with_changes(workspace, tree, map(_swapped, found))
    parents = [ground] if ground else []
    before = commits.create_draft(workspace, under, parents, b"Before the work of a run\n")
    work = snapshot.with_changes(workspace, under, found)
    made = commits.create_draft(workspace, work, [before, *also], b"Work of a run\n")
    quarantine.publish(workspace, real, made, *parents, *also)
    real.run("update-ref", ref, made)
    return made


def take_out(workspace: Repo, kept: str) -> None:
    """Undo the changes of a kept commit in the files; a GitError where one is not as it has it."""
    real = quarantine.outside(workspace)
    patch = snapshot.patch(real, kept, f"{kept}^1")
    if patch and not (applied := real.attempt(*_APPLY, stdin=patch)).ok:
        raise GitError(f"no file was changed: {complaint(applied.err)}")
    changes = snapshot.changed(real, kept, f"{kept}^1")
    if any(PurePath(change.path).name == _ATTRIBUTES for change in changes):
        _write_again(real, f"{kept}^1", changes)


def _write_again(repo: Repo, tree: str, changes: Iterable[Change]) -> None:
    """Write the files that were just put back with the attributes that were put back with them."""
    there = (change.path for change in changes if new_side(change))
    with snapshot.scratch_index(repo) as env:
        repo.run("read-tree", tree, env=env)
        names = os.fsencode("".join(f"{path}\0" for path in there))
        repo.run("checkout-index", "-f", "-z", "--stdin", stdin=names, env=env)


def _swapped(change: Change) -> Change:
    entry = old_side(change)
    if entry is None:
        return replace(change, new_mode=_EMPTY, object_id="0" * len(change.object_id))
    return replace(change, new_mode=entry.mode, object_id=entry.object_id)
