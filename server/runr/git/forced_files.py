"""Ignored files that count in a snapshot, because the working tree's own index names them.

That is so after `git add -f`, and no more after `git rm --cached`.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from runr.git import quarantine, untracked
from runr.git.repo import Repo, split
from runr.git.untracked import SETTINGS

#: Where runr keeps its own files.
_RUNRS = ".runr/"

_DIFF = (
    *("diff-index", "--cached", "--name-status", "-z", "--no-renames"),
    *("--ignore-submodules=none", "--ita-visible-in-index"),
)
_IGNORED = ("ls-files", "-z", "--cached", "--ignored", "--exclude-standard")


class _Seen(NamedTuple):
    """What the answer depends on: the tree, the index of the working tree, and `info/exclude`."""

    tree: str
    index_digest: bytes
    excludes: bytes


#: By the folder of a quarantine, of what nothing had to be followed the last time.
_followed: dict[Path, _Seen] = {}


def follow(repo: Repo, private: Repo, tree: str, env: Mapping[str, str]) -> bool:
    """Let the index that `env` names have the ignored files that the working tree's index names.

    `private` is the repository as the snapshot reads it, `tree` what is in that index. Returns
    whether it was changed.
    """
    folder = quarantine.folder_of(repo)
    seen = _look(repo, tree)
    if folder is None or _followed.get(folder) == seen:
        return False
    differs = _differing(repo, tree)
    theirs = _ignored(repo, [path for status in "AU" for path in differs.get(status, ())])
    # What git did not know when the run began was never in its index.
    known = untracked.names(folder)
    ours = _ignored(private, [path for path in differs.get("D", ()) if path not in known], env)
    new = [path for path in theirs if _is_there(repo.path, path)]
    if not (ours or theirs) and seen is not None:
        _followed[folder] = seen
    _update(private, ours, ("update-index", "-z", "--force-remove", "--stdin"), env)
    add = ("add", "-f", "--pathspec-from-file=-", "--pathspec-file-nul")
    _update(private, new, add, env)
    return bool(ours or new)


def _is_there(top: Path, path: str) -> bool:
    """Tell whether there is such a file, and not behind a link: git cannot add that."""
    folder = (top / path).parent
    return os.path.lexists(top / path) and folder.resolve() == top.resolve() / folder.relative_to(
        top
    )


def _look(repo: Repo, tree: str) -> _Seen | None:
    """Return what the answer depends on; None where it cannot be read, or is in several files."""
    if any(repo.git_dir().glob("sharedindex.*")):
        return None
    excludes = repo.common_dir() / "info" / "exclude"
    try:
        index = sha256((repo.git_dir() / "index").read_bytes()).digest()
        return _Seen(tree, index, excludes.read_bytes() if excludes.exists() else b"")
    except OSError:
        return None


def _differing(repo: Repo, tree: str) -> dict[str, list[str]]:
    """Return the paths that the working tree's index has and the tree has not (A), or not (D).

    None where git cannot read that index.
    """
    found = repo.attempt(*_DIFF, tree)
    fields = split(found.out) if found.ok else ()
    paths: dict[str, list[str]] = {}
    for status, path in zip(fields[::2], fields[1::2], strict=True):
        if not path.startswith(_RUNRS):
            paths.setdefault(status, []).append(path)
    return paths


def _ignored(
    repo: Repo, paths: Sequence[str], env: Mapping[str, str] | None = None
) -> frozenset[str]:
    """Return those of the paths, all of an index, that git ignores."""
    if not paths:
        return frozenset()
    # Of a file that a sparse checkout leaves out, only the other question reads the patterns.
    if not (repo.git_dir() / "info" / "sparse-checkout").exists():
        # With `./`, no name is taken for a pattern.
        given = os.fsencode("".join(f"./{path}\0" for path in paths))
        asked = repo.attempt("check-ignore", "--no-index", "-z", "--stdin", stdin=given, env=env)
        # It fails where a path is behind a link.
        if asked.ok or asked.code == 1:
            return frozenset(path.removeprefix("./") for path in split(asked.out))
    return frozenset(paths).intersection(repo.fields(*_IGNORED, env=env))


def _update(
    private: Repo, paths: Iterable[str], words: Sequence[str], env: Mapping[str, str]
) -> None:
    if names := "".join(f"{path}\0" for path in sorted(paths)):
        given = os.fsencode(names)
        private.run("--literal-pathspecs", *SETTINGS, *words, stdin=given, env=env)
