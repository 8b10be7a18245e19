"""The git command that shows the files which keep a branch from being moved.

A plain `git status` is silent about files that are ignored, about those whose index entry says not
to look at them, and about every other working tree.
"""

import os
from collections.abc import Iterator, Sequence

from runr.git.repo import Repo

#: Tags of `git ls-files -v`: skip-worktree; a lower case letter is assume-unchanged.
_SKIPPED = "S"

_STATUS, _ALL = ("status",), "--untracked-files=all"
#: Settings with which `git status` names no untracked file.
_NONE = (b"no", b"false")

#: How many files are named in a command.
_NAMED = 5


def find_look(main: Repo, tree: Repo, files: Sequence[str]) -> tuple[str, ...]:
    """Return the words of the command for files of `tree`, or for a merge that is open in it.

    It is typed in the working tree `main`; paths in it are relative to the root of `tree`.
    """
    words = _words(tree, files)
    return words if tree.path.resolve() == main.path.resolve() else ("-C", str(tree.path), *words)


def _words(tree: Repo, files: Sequence[str]) -> tuple[str, ...]:
    if not files and tree.answer("config", "--bool", "merge.verifySignatures") == b"true\n":
        return ("config", "--show-origin", "merge.verifySignatures")
    if hidden := list(_hidden(tree, files)):
        return ("ls-files", "-v", "--", *hidden[:_NAMED])
    if ignored := _ignored(tree, files):
        return (*_STATUS, _ALL, "--ignored", "--", *ignored[:_NAMED])
    shown = tree.attempt("config", "--get", "status.showUntrackedFiles").out.strip()
    return (*_STATUS, _ALL) if files and shown in _NONE else _STATUS


def _hidden(tree: Repo, files: Sequence[str]) -> Iterator[str]:
    """Yield the files whose changes git does not look for."""
    if not files:
        return
    found = tree.attempt("--literal-pathspecs", "ls-files", "-v", "-z", "--", *files)
    for field in os.fsdecode(found.out).split("\0"):
        tag, _, path = field.partition(" ")
        if tag == _SKIPPED or tag.islower():
            yield path


def _ignored(tree: Repo, files: Sequence[str]) -> list[str]:
    names = "".join(f"{path}\0" for path in files)
    found = tree.attempt("check-ignore", "-z", "--stdin", stdin=os.fsencode(names))
    return [path for path in os.fsdecode(found.out).split("\0") if path]
