"""What was staged since a run began: kept where it is in no file, and staged no longer."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from runr.git import checkpoint, commits, quarantine, snapshot, staged_before
from runr.git.merge_entry import NOTHING, Entry, new_side, old_side
from runr.git.repo import Repo
from runr.git.snapshot import Change


def undoing(
    repo: Repo, head: str, before: Mapping[str, Entry | None], left: Collection[str] = ()
) -> tuple[Change, ...]:
    """Return what makes the index again as it was `before`, but for the paths that are `left`.

    `before` has what it had then and the commit `head` has not.
    """
    found = _undone(staged_before.changes(repo, head), before)
    return tuple(change for change in found if change.path not in left)


def _undone(now: Iterable[Change], before: Mapping[str, Entry | None]) -> Iterator[Change]:
    missing = dict(before)
    for change in now:
        wanted = missing.pop(change.path) if change.path in missing else old_side(change)
        if wanted != new_side(change):
            yield _to(change, wanted)
    for path, entry in missing.items():
        blank = Change(
            path=path,
            status="M",
            old_mode=NOTHING,
            new_mode=NOTHING,
            old_id="",
            object_id="0" * len(entry.object_id if entry else "0" * 40),
        )
        yield _to(blank, entry)


def _to(change: Change, entry: Entry | None) -> Change:
    """Return the change from what is staged to another entry."""
    mode, object_id = entry or (NOTHING, "0" * len(change.object_id))
    return replace(
        change,
        old_mode=change.new_mode,
        old_id=change.object_id,
        new_mode=mode,
        object_id=object_id,
    )


def keep(workspace: Repo, head: str, undone: Collection[Change], tree: str) -> str | None:
    """Return a commit of what is staged, where it is not in the files, of which `tree` is one.

    None where it is, or where the index is in the middle of a merge.
    """
    real = quarantine.outside(workspace)
    paths = {change.path for change in undone if change.old_mode != NOTHING}
    staged = real.attempt("write-tree") if paths else None
    if staged is None or not staged.ok:
        return None
    index = staged.out.decode().strip()
    if paths.isdisjoint(change.path for change in snapshot.changed(workspace, index, tree)):
        return None
    return commits.create_draft(real, index, [head], b"Staged in a run\n")


def undo(repo: Repo, undone: Iterable[Change]) -> None:
    """Have the index as it was."""
    checkpoint.stage(repo, tuple(undone))
