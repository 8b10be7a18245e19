"""What changes in the user's tree, index and git settings while the worker of a worktree works.

Who did it is not known: the user may edit at the same time. Only an index that a git of the worker
wrote is known, from the hook that runr gives it.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from runr.errors import GitError
from runr.execution.context import RunContext
from runr.git import hooks, own_settings
from runr.git.repo import Repo
from runr.runs.events import TreeChanged
from runr.runs.model import RunState
from runr.text import readable_name

#: Seconds after which the status of a large tree is not waited for.
_MOST_S = 20
#: Uncommitted files whose content is compared, and changes that are recorded.
_MOST_FILES, _MOST_RECORDED = 2000, 50
_IN_INDEX = ("staged", "no longer staged")
#: Fields before the path, by the kind of the line of `git status`.
_FIELDS = {"1": 8, "u": 10, "?": 1}


class _Entry(NamedTuple):
    """A path that is not as committed: what is staged, and what changes with the file."""

    staged: str
    file: str


class _Status(NamedTuple):
    head: str
    entries: Mapping[str, _Entry]


class TreeGuard:
    """The status of the user's working tree before a worker began."""

    def __init__(self, context: RunContext, state: RunState) -> None:
        # The other runs work in trees of their own as well, or in this one with its consent.
        self._repo = context.root if state.start.branch is not None else None
        self._skip = (".runr/config.toml", state.start.task)
        self._log = hooks.ref_log_folder(context.root.common_dir()) / f"{state.id}.indexed"
        self._log.unlink(missing_ok=True)
        self._before = self._status()
        self._settings = self._own_settings()

    def finish(self) -> TreeChanged | None:
        """Return what has changed since; None for nothing, or where that is unknown."""
        written = self._written()
        self._log.unlink(missing_ok=True)
        after = self._status() if self._before is not None else None
        if self._before is None or after is None:
            return None
        changed = dict(_differences(self._before, after))
        settings = own_settings.differences(self._settings, self._own_settings())
        if not changed and not settings:
            return None
        git = "; a git of the worker wrote the index" if written else ""
        lines = (
            f"{readable_name(path)} ({how}{git if how in _IN_INDEX else ''})"
            for path, how in sorted(changed.items())
        )
        return TreeChanged((*settings[:_MOST_RECORDED], *islice(lines, _MOST_RECORDED)))

    def _own_settings(self) -> Mapping[str, str]:
        try:
            return own_settings.read(self._repo) if self._repo else {}
        except GitError as error:
            return {f".git/config: {error.message}": ""}

    def _written(self) -> bool:
        """Tell whether a git of the worker has written the index of the user's tree."""
        if self._repo is None:
            return False
        with suppress(OSError):
            own = str(self._repo.git_dir())
            return own in self._log.read_text(errors="surrogateescape").splitlines()
        return False

    def _status(self) -> _Status | None:
        if self._repo is None:
            return None
        words = ("status", "--porcelain=v2", "--branch", "-z", "--no-renames", "--", ".")
        tasks = (":(top,exclude,glob).runr/[!t]*", ":(top,exclude,glob).runr/[!t]*/**")
        own = (":(top,exclude).runr/task-status.json", *(f":(top,exclude){p}" for p in self._skip))
        try:
            fields = self._repo.attempt(*words, *tasks, *own, timeout_s=_MOST_S)
        except (TimeoutError, GitError):
            return None
        return _parsed(self._repo, fields.out) if fields.ok else None


def _parsed(repo: Repo, out: bytes) -> _Status:
    head = ""
    entries: dict[str, _Entry] = {}
    for line in os.fsdecode(out).split("\0"):
        kind = line[:1]
        if line.startswith("# branch.oid "):
            head = line.rpartition(" ")[2]
        if kind not in _FIELDS:
            continue
        *facts, path = line.split(" ", _FIELDS[kind])
        staged = "" if kind == "?" or facts[1][0] == "." else f"{facts[1][0]} {facts[-1]}"
        mark = _mark(repo.path / path) if len(entries) < _MOST_FILES else ""
        entries[path] = _Entry(staged, mark)
    return _Status(head, entries)


def _differences(before: _Status, after: _Status) -> Iterator[tuple[str, str]]:
    clean = _Entry("", "")
    for path, now in after.entries.items():
        was = before.entries.get(path)
        if (was or clean).staged != now.staged:
            yield path, _IN_INDEX[0] if now.staged else _IN_INDEX[1]
        elif was is None or was.file != now.file:
            yield path, "changed"
    # What is as committed now may have been committed.
    for path in before.entries.keys() - after.entries.keys() if after.head == before.head else ():
        yield path, "its uncommitted changes are gone"


def _mark(path: Path) -> str:
    try:
        found = path.lstat()
    except OSError:
        return "gone"
    return f"{found.st_mode}-{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}"
