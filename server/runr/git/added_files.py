"""When files came into a branch."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime

from runr.git.repo import Repo, split

_MARK = "\x01"


def added_since(
    repo: Repo, tip: str, folder: str, since: datetime, *, known: str | None = None
) -> Mapping[str, datetime]:
    """Return when each file of a folder was added by a commit, of those added since a time.

    A file that was only renamed is none of them. Commits that lead to `known` are left out.
    """
    flags = ("-z", "--diff-filter=A", "--find-renames", "--name-only", f"--format={_MARK}%ct")
    span = [tip, *([f"^{known}"] if known else [])]
    listed = repo.run("log", *flags, f"--since={since.isoformat()}", *span, "--", folder)
    found: dict[str, datetime] = {}
    time = since
    for field in split(listed):
        name = field.lstrip("\n")
        if name.startswith(_MARK):
            time = datetime.fromtimestamp(int(name[1:]), UTC)
        elif name:
            # The latest commit comes first, and the first one counts.
            found[name] = time
    return found


def tracked(repo: Repo, tip: str, folder: str) -> frozenset[str]:
    """Return the files of a folder that a commit has."""
    listed = repo.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", tip, "--", folder)
    return frozenset(os.fsdecode(listed).split("\0")[:-1])
