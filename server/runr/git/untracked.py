"""The files that git did not know when a run began, of which a snapshot holds the name and hash.

There may be many thousands of them, and gigabytes. Their content is not copied anywhere: a snapshot
needs it only of those that the run changed since, and of these it has what they were changed to.
"""

import os
from pathlib import Path

from runr import nofollow
from runr.git.repo import Repo

#: With an index that goes: a split one would leave its other half in the repository.
SETTINGS = ("-c", "core.safecrlf=false", "-c", "core.splitIndex=false")

_LIST = "untracked"


def remember(repo: Repo, folder: Path, exclude: tuple[str, ...]) -> None:
    """Note in `folder` which files are there that git neither tracks nor ignores."""
    out = [f":(top,exclude,literal){path}" for path in exclude]
    found = repo.fields("ls-files", "-z", "--others", "--exclude-standard", "--", ".", *out)
    # One with a slash at its end is a repository of its own.
    files = [path for path in found if not path.endswith("/")]
    lines = [f"{mark} {path}\0" for path in files if (mark := _mark(repo.path / path))]
    begun = folder / f"{_LIST}.new"
    with os.fdopen(nofollow.open_file(begun, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        file.write(os.fsencode("".join(lines)))
    nofollow.rename(begun, _LIST)


def is_remembered(folder: Path | None) -> bool:
    """Tell whether such a list is there: for a run in the user's own working tree."""
    return folder is not None and nofollow.exists(folder / _LIST)


def names(folder: Path | None) -> frozenset[str]:
    """Return the paths on the list, none where there is none."""
    if folder is None or not is_remembered(folder):
        return frozenset()
    return frozenset(path for _, path in _list(folder))


def add_by_hash(repo: Repo, folder: Path, index: Path) -> None:
    """Add those that are unchanged to an index, with their hashes only."""
    if names := "".join(f"{path}\0" for path in _unchanged(repo, folder)):
        flags = ("-z", "--add", "--replace", "--info-only", "--stdin")
        env = {"GIT_INDEX_FILE": str(index)}
        repo.run(*SETTINGS, "update-index", *flags, stdin=os.fsencode(names), env=env)


def _unchanged(repo: Repo, folder: Path) -> list[str]:
    # One that cannot be read is left to `git add`, which says so.
    return [
        path
        for mark, path in _list(folder)
        if _mark(repo.path / path) == mark and os.access(repo.path / path, os.R_OK)
    ]


def _list(folder: Path) -> list[tuple[str, str]]:
    lines = os.fsdecode(nofollow.read(folder / _LIST)).split("\0")[:-1]
    pairs = (line.partition(" ") for line in lines)
    return [(mark, path) for mark, _, path in pairs]


def _mark(path: Path) -> str | None:
    """Return what is another as soon as the file is changed, None where it is gone."""
    try:
        found = path.lstat()
    except OSError:
        return None
    parts = (found.st_mode, found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns)
    return "-".join(map(str, parts))
