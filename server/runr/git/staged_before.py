"""What the user had staged when a run in their own working tree began."""

import os

from runr import nofollow
from runr.git import quarantine, snapshot
from runr.git.merge_entry import Entry, new_side
from runr.git.repo import Repo, split

_FILE = "staged"


def remember(repo: Repo) -> None:
    """Note in the run's folder what the index has and HEAD has not."""
    folder, head = quarantine.folder_of(repo), repo.head()
    if folder is None:
        return
    found = _differences(repo, head) if head else b""
    begun = folder / f"{_FILE}.new"
    with os.fdopen(nofollow.open_file(begun, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        file.write(found)
    nofollow.rename(begun, _FILE)


def recall(repo: Repo) -> dict[str, Entry | None]:
    """Return what was noted; None is a path that was no longer to be tracked."""
    folder = quarantine.folder_of(repo)
    if folder is None or not nofollow.exists(folder / _FILE):
        return {}
    return {change.path: new_side(change) for change in _read(nofollow.read(folder / _FILE))}


def differences(repo: Repo, head: str) -> dict[str, Entry | None]:
    """Return what the index has now and a commit has not."""
    return {change.path: new_side(change) for change in changes(repo, head)}


def changes(repo: Repo, head: str) -> list[snapshot.Change]:
    """Return the changes from a commit to what the index has now."""
    return _read(_differences(repo, head))


def _differences(repo: Repo, head: str) -> bytes:
    flags = ("--cached", "--raw", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=none")
    return repo.run("diff-index", *flags, head, "--")


def _read(raw: bytes) -> list[snapshot.Change]:
    fields = iter(split(raw))
    return [snapshot.read(facts, path) for facts, path in zip(fields, fields, strict=True)]
