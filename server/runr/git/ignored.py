"""Name the files of a working tree that git ignores: they are in no commit."""

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from runr.git.repo import Repo

#: Caches that tools make anew; that they are in no commit surprises no one.
_CACHES = (
    *("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".cache"),
    *("*.pyc", "*.pyo", ".DS_Store", ".coverage", "*.swp", "*.egg-info", ".runr"),
)

#: How many entries of ignored folders are looked at before the folder itself is named.
_MOST_VISITED = 5000


def ignored_files(
    repo: Repo, *, since: float | None, skip: Sequence[str], most: int
) -> tuple[str, ...]:
    """Return at most `most` ignored files, without caches and what matches `skip`.

    With `since`, in seconds since 1970, only those that changed after that.
    """
    flags = ("--others", "--ignored", "--exclude-standard", "--directory")
    entries = repo.fields("ls-files", "-z", *flags)
    wanted = (entry for entry in entries if not _is_skipped(entry.rstrip("/"), skip))
    return tuple(islice(_changed(repo.path, wanted, since, skip), most))


def folders_named(repo: Repo, patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the folders that git does not track and that match one of the patterns.

    A pattern without a slash is a name, wherever the folder is. What runr keeps is none of them.
    """
    if not patterns:
        return ()
    entries = repo.fields("ls-files", "-z", "--others", "--directory")
    folders = (entry.rstrip("/") for entry in entries if entry.endswith("/"))
    return tuple(path for path in folders if not _is_records(path) and matches(path, patterns))


def _is_records(path: str) -> bool:
    return path.split("/", maxsplit=1)[0] == ".runr"


def matches(path: str, patterns: Sequence[str]) -> bool:
    """Return whether a path, or its name where the pattern has no slash, matches one."""
    name = path.rpartition("/")[2]
    plain = (pattern.strip("/") for pattern in patterns)
    return any(fnmatchcase(path if "/" in each else name, each) for each in plain)


def _is_skipped(path: str, skip: Sequence[str]) -> bool:
    return _is_records(path) or matches(path, (*_CACHES, *skip))


def _changed(
    top: Path, entries: Iterator[str], since: float | None, skip: Sequence[str]
) -> Iterator[str]:
    for entry in entries:
        if not entry.endswith("/"):
            if _is_newer(top / entry, since):
                yield entry
            continue
        files = list(islice(_below(top, entry, skip), _MOST_VISITED))
        newer = [path for path in files if _is_newer(top / path, since)]
        if len(files) == _MOST_VISITED and newer:
            yield entry
        else:
            yield from newer


def _below(top: Path, folder: str, skip: Sequence[str]) -> Iterator[str]:
    for here, folders, files in os.walk(top / folder):
        inside = os.path.relpath(here, top)
        folders[:] = sorted(f for f in folders if not _is_skipped(f"{inside}/{f}", skip))
        for name in sorted(files):
            if not _is_skipped(f"{inside}/{name}", skip):
                yield f"{inside}/{name}"


def _is_newer(path: Path, since: float | None) -> bool:
    if since is None:
        return True
    try:
        # The time of the last change of the inode, which no program can set back.
        return path.lstat().st_ctime >= since
    except OSError:
        return False
