"""A program and everything it started: who is still there, and the end of them.

On Linux a program has a cgroup of its own, where there can be one, and the process of a run adopts
what its programs leave behind: a process that has left its session, its parents and its environment
is still in that cgroup or a descendant, and ends with the others.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from runr.workers import cgroup

#: The variable that every process of a run inherits.
MARKER = "RUNR_RUN_ID"

#: What is known of all processes, on Linux.
PROC = Path("/proc")
_LONGEST_PAUSE_S = 0.1


#: `prctl(PR_SET_CHILD_SUBREAPER)`; the system is asked by number.
_SET_CHILD_SUBREAPER = 36


#: The process that adopts, which is never one that was forked from it.
_adopting: set[int] = set()


def adopt_orphans() -> bool:
    """Become the parent of every process that a descendant leaves behind; tell whether it works.

    From then on, all descendants end with a program that this process runs, so it
    runs one at a time.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    adopts = prctl is not None and prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    if adopts:
        _adopting.add(os.getpid())
    return adopts


def start_detached(
    arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], log: IO[str], lock: int | None
) -> bool:
    """Start a process of runr that outlives this one; tell whether it has started.

    It has a session of its own, and holds the `lock` that it is passed, which is never free in
    between. The arguments are those of `runr.__main__`, which makes it leave its parent.
    """
    # Safe path (-P): a module of the repository must not be loaded for one of the same name.
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "runr", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=cwd,
        env=dict(env),
        pass_fds=[] if lock is None else [lock],
        start_new_session=True,
        check=False,
    )
    return ended.returncode == 0


def end_marked(marker: str, *, grace_s: float = 5) -> int:
    """End every process that carries the run's marker, and return how many there were.

    Neither this process nor one that it was started from is touched. Where
    there is no /proc, nothing can be found.
    """
    return _end(None, marker, grace_s, cgroup.left_by(marker))


def is_any_left(marker: str) -> bool:
    """Tell whether a process carries the run's marker, apart from those that started this one.

    A cgroup that is left counts, also where it is empty.
    """
    groups = cgroup.left_by(marker)
    return bool(groups or _members(None, marker, None, groups))


def end_tree(leader: int | None, marker: str, *, grace_s: float) -> int:
    """Ask the leader's session, its cgroup and all marked processes to end, then end them.

    Where this process adopts orphans, so do all of its descendants. They are counted.
    """
    made = cgroup.made_for(marker)
    return _end(leader, marker, grace_s, (made,) if made else ())


def _end(leader: int | None, marker: str, grace_s: float, groups: Sequence[str]) -> int:
    root = os.getpid() if os.getpid() in _adopting else None
    # Whoever ended its own cgroup would not come to an end.
    others = [group for group in groups if os.getpid() not in cgroup.members(group)]
    seen: set[int] = set()
    for how in (signal.SIGTERM, signal.SIGKILL):
        message: set[int] = set()
        deadline = time.monotonic() + grace_s
        pause = 0.002
        while members := _members(leader, marker, root, groups):
            for pid in members - message:
                # Gone by now, or not ours to end.
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, how)
            if how == signal.SIGKILL:
                for group in others:
                    cgroup.kill(group)
            message |= members
            seen |= members
            if time.monotonic() > deadline:
                break
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        else:
            break
    for group in others:
        cgroup.remove(group)
    return len(seen)


class Origin(NamedTuple):
    """Where a process comes from; `terminal` is 0 for none, `started` counts from the boot."""

    parent: int
    group: int
    session: int
    terminal: int
    started: int


def origin(pid: int) -> Origin | None:
    """Return where a process comes from; None where it is gone, or there is no /proc."""
    with suppress(OSError, IndexError, ValueError):
        fields = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return Origin(*(int(fields[number]) for number in (1, 2, 3, 4, 19)))
    return None


def ancestors() -> frozenset[int]:
    """Return the processes that this one was started from; none where there is no /proc."""
    found: set[int] = set()
    pid = os.getppid()
    while pid > 1 and pid not in found:
        found.add(pid)
        try:
            pid = _stat(PROC / str(pid))[1]
        except OSError:
            break
    return frozenset(found) if (PROC / "self").exists() else frozenset()


def _members(leader: int | None, marker: str, root: int | None, groups: Sequence[str]) -> set[int]:
    """Return the processes still alive; without /proc, the group as a negative id."""
    if not (PROC / "self").exists():
        return set() if leader is None or not _group_exists(leader) else {-leader}
    needle = f"{MARKER}={marker}".encode()
    parents: dict[int, int] = {}
    found: set[int] = set()
    gone: set[int] = set()
    for folder in PROC.glob("[0-9]*"):
        # It may end while we look, and another user's environment is not ours to read.
        with suppress(OSError):
            pid = int(folder.name)
            state, parent, group, session = _stat(folder)
            parents[pid] = parent
            if state in ("Z", "X"):
                gone.add(pid)
                continue
            if leader in (group, session) or (
                marker and needle in (folder / "environ").read_bytes().split(b"\0")
            ):
                found.add(pid)
    if root is not None:
        found |= _below(root, parents) - gone
    found = found.union(*map(cgroup.members, groups))
    return found - _lineage(parents)


def _below(root: int, parents: Mapping[int, int]) -> set[int]:
    """Return the descendants of a process."""
    found, fresh = {root}, {root}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found - {root}


def _stat(folder: Path) -> tuple[str, int, int, int]:
    """Return state, parent, group and session; the name before them may hold anything."""
    fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
    return fields[0].decode(), int(fields[1]), int(fields[2]), int(fields[3])


def _lineage(parents: dict[int, int]) -> set[int]:
    """Return this process and those that it was started from."""
    found: set[int] = set()
    pid = os.getpid()
    while pid and pid not in found:
        found.add(pid)
        pid = parents.get(pid, 0)
    return found


def _group_exists(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
