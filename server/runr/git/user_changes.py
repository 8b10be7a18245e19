"""Keep what the user had changed before a run out of its commit, also in files that both changed.

The files of the working tree have the changes of both. Of such a file, the commit gets a merge: its
content in HEAD, with what was changed since the run began.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from runr.errors import MixedChangesError
from runr.git import moved_files, snapshot, staged_before
from runr.git.merge_entry import ConflictError, Entry, merge_entries, new_side, old_side
from runr.git.repo import Repo
from runr.git.snapshot import Change
from runr.text import join_limited

_NAMED = 5

#: Stands for what the index has as HEAD has it.
_NOTHING = Entry("", "")

_SAME = "the run has changed the same lines"
_NEW = "a file that is in no commit, and the run has changed it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """The run's changes without the user's; `left` are all the user's, `shared` in part."""

    changes: tuple[Change, ...]
    left: tuple[Change, ...]
    shared: tuple[str, ...]


def part(
    repo: Repo, base: str, base_tree: str, changes: Iterable[Change], between: Iterable[Change]
) -> Parted:
    """Return the changes of the run from HEAD, of those to paths that it touched.

    `between` are all from HEAD to the snapshot. Where the changes of both cannot be
    separated: a MixedChangesError.
    """
    before = {change.path: change for change in snapshot.changed(repo, base, base_tree)}
    if not before:
        return Parted(changes=tuple(changes), left=(), shared=())
    heads = {change.path: old_side(change) for change in between}
    found = tuple(changes)
    source = moved_files.origins(repo, before, found, heads)
    source |= {path: path for path in before}
    merged: dict[str, Entry | None] = {}
    mixed: dict[str, list[str]] = {}
    for change in found:
        if (origin := source.get(change.path)) is None:
            continue
        try:
            merged[change.path] = _without_users(repo, before[origin], heads.get(origin), change)
        except ConflictError:
            why = _SAME if old_side(before[origin]) else _NEW
            mixed.setdefault(why, []).append(change.path)
    _refuse(mixed)
    own = [_with(change, merged.get(change.path, new_side(change))) for change in found]
    kept = [change for change in own if new_side(change) != old_side(change)]
    names = {change.path for change in kept}
    return Parted(
        changes=tuple(kept),
        left=tuple(change for change in found if change.path not in names),
        shared=tuple(change.path for change in kept if change not in found),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What the user has changed since a run has stopped.

    `base_tree` is the tree with which the run began, with these changes in it. `mixed` are those
    to lines that the run had changed as well: they are not in it.
    """

    base_tree: str
    left: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()


def since_stop(repo: Repo, base_tree: str, stopped: str, now: str) -> Since:
    """Return the changes from the snapshot `stopped` to `now`."""
    begun = {each.path: old_side(each) for each in snapshot.changed(repo, base_tree, stopped)}
    kept: list[Change] = []
    mixed: list[str] = []
    for change in snapshot.changed(repo, stopped, now):
        first = old_side(change)
        try:
            under = merge_entries(repo, first, begun.get(change.path, first), new_side(change))
        except ConflictError:
            mixed.append(change.path)
        else:
            kept.append(_with(change, under))
    tree = snapshot.with_changes(repo, base_tree, kept) if kept else base_tree
    return Since(base_tree=tree, left=tuple(change.path for change in kept), mixed=tuple(mixed))


def _without_users(repo: Repo, before: Change, head: Entry | None, change: Change) -> Entry | None:
    """Return the entry with what was changed since the run began, and in HEAD."""
    first, begun, now = old_side(before), new_side(before), new_side(change)
    if now is None or begun is None or (first is None and head is not None):
        return now
    if first is None and begun.object_id == repo.text("hash-object", "-t", "blob", "--stdin"):
        return now
    if first is None and change.path != before.path:
        raise ConflictError
    # What the user has changed on top of HEAD: part of it may have been committed since.
    under = begun if first is None else merge_entries(repo, first, head, begun)
    return merge_entries(repo, under, head, now)


def staged(
    repo: Repo, before: Mapping[str, Entry | None], head: str | None, changes: Iterable[Change]
) -> tuple[Change, ...]:
    """Return the changes as they are to be staged: on top of them, what the user had staged.

    `before` is what was staged when the run began.
    """
    found = tuple(changes)
    if head is None or not any(change.path in before for change in found):
        return found
    now = staged_before.differences(repo, head)
    kept: list[Change] = []
    mixed: list[str] = []
    for change in found:
        # What is not in the index is to stay out of it.
        if change.path not in before or now.get(change.path, _NOTHING) is not None:
            try:
                kept.append(_on_top(repo, change, before, now))
            except ConflictError:
                mixed.append(change.path)
    _refuse({_SAME: mixed} if mixed else {})
    return tuple(kept)


def _on_top(
    repo: Repo,
    change: Change,
    before: Mapping[str, Entry | None],
    now: Mapping[str, Entry | None],
) -> Change:
    entry, first, wanted = now.get(change.path), old_side(change), new_side(change)
    if entry is None or first is None or change.path not in before:
        return change
    try:
        return _with(change, merge_entries(repo, first, wanted, entry))
    except ConflictError:
        if entry == before[change.path]:
            raise
        # The run has staged it since.
        return change


def _with(change: Change, entry: Entry | None) -> Change:
    if entry is None:
        return replace(change, new_mode="000000", object_id="0" * len(change.object_id))
    return replace(change, new_mode=entry.mode, object_id=entry.object_id)


def _refuse(mixed: Mapping[str, Sequence[str]]) -> None:
    if mixed:
        whys = (f"{join_limited(paths, _NAMED)} ({why})" for why, paths in mixed.items())
        raise MixedChangesError(
            "changes from before the run, which are in no commit, cannot be separated from those "
            f"of the run: {'; '.join(whys)}; commit these files as they are to be, then go on"
        )
