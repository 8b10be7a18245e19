"""Merge what two sides have made of one path: content, mode and kind."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from runr.git import quarantine
from runr.git.repo import Repo
from runr.git.snapshot import Change

#: The mode of a path at which nothing is.
NOTHING = "000000"
_FILE = "100"


class Entry(NamedTuple):
    """What a tree or an index has at a path."""

    mode: str
    object_id: str


class ConflictError(Exception):
    """Both sides changed the same."""


def old_side(change: Change) -> Entry | None:
    """Return what was there before a change, None where nothing was."""
    return None if change.old_mode == NOTHING else Entry(change.old_mode, change.old_id)


def new_side(change: Change) -> Entry | None:
    """Return what is there after a change, None where nothing is."""
    return None if change.new_mode == NOTHING else Entry(change.new_mode, change.object_id)


def merge_entries(
    repo: Repo, base: Entry | None, ours: Entry | None, theirs: Entry | None
) -> Entry | None:
    """Return `ours` with what `theirs` has changed since `base`; else a ConflictError.

    A merge of lines is written into the repository as an object.
    """
    if ours in (base, theirs):
        return theirs
    if theirs == base:
        return ours
    if base is None or ours is None or theirs is None:
        raise ConflictError
    if not all(entry.mode.startswith(_FILE) for entry in (base, ours, theirs)):
        raise ConflictError
    mode = ours.mode if theirs.mode == base.mode else theirs.mode
    if theirs.object_id == base.object_id:
        return Entry(mode, ours.object_id)
    if ours.object_id in (base.object_id, theirs.object_id):
        return Entry(mode, theirs.object_id)
    return Entry(mode, _merged_lines(repo, base.object_id, ours.object_id, theirs.object_id))


def _merged_lines(repo: Repo, base: str, ours: str, theirs: str) -> str:
    where = quarantine.folder_of(repo) or repo.git_dir()
    with TemporaryDirectory(prefix="runr-merge-", dir=where, ignore_cleanup_errors=True) as folder:
        files = {name: Path(folder) / name for name in ("ours", "base", "theirs")}
        for file, blob in zip(files.values(), (ours, base, theirs), strict=True):
            file.write_bytes(repo.run("cat-file", "blob", blob))
        # The code is the number of conflicts, or 255 where there are no lines to merge.
        merged = repo.attempt("merge-file", "-p", "-q", *map(str, files.values()))
    if merged.code:
        raise ConflictError
    return repo.text("hash-object", "-w", "--stdin", stdin=merged.out)
