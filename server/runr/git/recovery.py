"""Repair what a killed git leaves: stale locks, and a working tree half moved to a commit."""

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from runr.git import snapshot
from runr.git.repo import EVERY_STAT, Repo
from runr.git.snapshot import Change

_LOCKS = ("index.lock", "HEAD.lock", "ORIG_HEAD.lock", "packed-refs.lock", "config.lock")


def clear_locks(repo: Repo, worktrees: Path, *, patience_s: float = 5.0) -> tuple[str, ...]:
    """Remove the locks of dead git processes, and return their names.

    Covers the repository and the working trees below `worktrees`. While a git
    process runs in it, or where that is unknown (no /proc), every lock stays.
    """
    found = dict(_locks(repo.common_dir(), worktrees))
    if not found:
        return ()
    deadline = time.monotonic() + patience_s
    while _is_git_running(repo.path):
        if time.monotonic() > deadline:
            return ()
        time.sleep(0.05)
    # A git that has begun since then may have a lock of the same name.
    left = dict(_locks(repo.common_dir(), worktrees))
    dead = [lock for lock, made in left.items() if found.get(lock) == made]
    for lock in dead:
        with suppress(FileNotFoundError):
            lock.unlink()
    return tuple(lock.name for lock in dead)


def locks_in_the_way(
    repo: Repo, branch: str | None, older_than: float | None = None
) -> tuple[Path, ...]:
    """Return the locks that would keep git from moving `branch`, which is checked out.

    With `older_than`, in seconds since 1970, only those made before.
    """
    own, common = repo.git_dir(), repo.common_dir()
    named = [own / "index.lock", own / "HEAD.lock", common / "packed-refs.lock"]
    if branch:
        named.append(common / "refs" / "heads" / f"{branch}.lock")
    found = []
    for lock in named:
        with suppress(FileNotFoundError, NotADirectoryError):
            since = lock.stat().st_mtime
            if older_than is None or since < older_than:
                found.append(lock)
    return tuple(found)


def explain_lock(lock: Path) -> str:
    """Return what to do about a lock that keeps git from working."""
    return f"{lock} exists: if no git process is running, rm {shlex.quote(str(lock))}"


def put_back(repo: Repo, old: str, new: str) -> None:
    """Move files and index back from `new` to `old`, which is still the branch's commit.

    For a fast-forward that could not move the branch in the end. Changes of the
    user's in other files stay; where nothing was moved, nothing happens.
    """
    repo.run(*EVERY_STAT, "read-tree", "-m", "-u", new, old)


def adopt(repo: Repo, commit: str) -> None:
    """Prepare a fast-forward to `commit`, which was killed half way, to be repeated.

    It leaves files with their new content, and perhaps one with only the
    beginning of it; git would take them for changes of the user's and refuse.
    The former are staged, the latter removed: every byte of them is in `commit`.
    What the user has staged stays as it is.
    """
    head = repo.head()
    if head is None:
        return
    staged = set(repo.fields("diff-index", "-z", "--cached", "--name-only", head))
    open_ = [c for c in snapshot.changed(repo, head, commit) if c.path not in staged]
    moved = [change for change in open_ if _has_content(repo, change.path, change.object_id)]
    for change in open_:
        if change not in moved and _is_begun(repo, change):
            (repo.path / change.path).unlink()
    lines = [f"{change.new_mode} {change.object_id}\t{change.path}\0" for change in moved]
    if lines:
        info = os.fsencode("".join(lines))
        repo.run("update-index", "-z", "--add", "--index-info", stdin=info)


def _has_content(repo: Repo, path: str, object_id: str) -> bool:
    file = repo.path / path
    if object_id.strip("0") == "":
        return not file.exists() and not file.is_symlink()
    if file.is_symlink():
        return repo.text("hash-object", "--stdin", stdin=os.fsencode(file.readlink())) == object_id
    if not file.is_file():
        return False
    return repo.text("hash-object", "--", path) == object_id


def _is_begun(repo: Repo, change: Change) -> bool:
    """Tell whether the file is the beginning of what it is to become."""
    file = repo.path / change.path
    if file.is_symlink() or not file.is_file() or not change.object_id.strip("0"):
        return False
    return repo.run("cat-file", "blob", change.object_id).startswith(file.read_bytes())


def _locks(common: Path, worktrees: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Yield each lock with what tells it from a later one of the same name."""
    for lock in _possible_locks(common, worktrees):
        with suppress(OSError):
            seen = lock.stat()
            yield lock, (seen.st_ino, seen.st_mtime_ns)


def _possible_locks(common: Path, worktrees: Path) -> Iterator[Path]:
    yield from (common / name for name in _LOCKS)
    yield from (common / "refs").rglob("*.lock")
    for record in common.glob("worktrees/*"):
        with suppress(OSError):
            place = Path((record / "gitdir").read_text(errors="surrogateescape").strip())
            if place.is_relative_to(worktrees):
                yield from (record / name for name in _LOCKS)


def _is_git_running(root: Path) -> bool:
    proc = Path("/proc")
    if not (proc / "self").exists():
        return True
    for entry in proc.glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "comm").read_text().startswith("git") and (
                (entry / "cwd").resolve().is_relative_to(root)
            ):
                return True
    return False
