"""Whether an agent has started this process, by the processes from which it descends.

What an agent sets in the environment of its commands can be taken out again; from whom a process
descends cannot. A process that was left by its parents is still of their session, or younger than
an agent in its cgroup. Only agents active in the repository are looked for: a program that one
started elsewhere may be the user's own.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from runr.runs.channel import agent_around, agent_named
from runr.workers import process_tree

_INTERPRETERS = ("node", "bun", "deno", "python", "sh", "bash")


#: What takes over processes whose parents have ended.
_INITS = ("systemd", "init")


def agent_above(places: Sequence[Path]) -> str:
    """Return the agent in one of these folders that has started this process; '' for none.

    Also the one that leads its session or its process group.
    """
    own = process_tree.origin(os.getpid())
    leaders = {own.session, own.group} - {0, os.getpid()} if own else set()
    around = process_tree.ancestors() | leaders
    return next((name for pid in around if (name := _agent(pid, places))), "")


def agent_that_left(places: Sequence[Path]) -> str:
    """Return the agent in one of these folders that may have left this process behind; '' for none.

    It is in the same cgroup, and this process has neither a terminal nor a parent from before it.
    """
    own = process_tree.origin(os.getpid())
    if own is None or own.terminal:
        return ""
    for folder in process_tree.PROC.glob("[0-9]*"):
        pid = int(folder.name)
        name = _agent(pid, places) if pid != os.getpid() else ""
        found = process_tree.origin(pid) if name else None
        if found and _is_left_since(found.started) and _cgroup(pid) == _cgroup(os.getpid()):
            return name
    return ""


def agent_behind_client(places: Sequence[Path]) -> str:
    """Return the agent in these folders whose command has started the client of this server.

    '' for none, as where the agent itself is the client: between it and its servers there is no
    process with what it sets for commands.
    """
    pid, seen, marked = os.getpid(), set[int](), ""
    while pid > 1 and pid not in seen:
        seen.add(pid)
        folder = process_tree.PROC / str(pid)
        with suppress(OSError):
            is_here = _is_in(folder, places)
            if agent_named(_program(folder)):
                return marked if is_here else ""
            marked = marked or agent_around(_environment(folder), of_commands=True)
            if marked and is_here:
                return marked
        found = process_tree.origin(pid)
        pid = found.parent if found else 0
    return ""


def _is_left_since(started: int) -> bool:
    """Tell whether what this process descends from has all begun since, or has ended."""
    pid = os.getpid()
    while pid > 1:
        found = process_tree.origin(pid)
        if found is None:
            return False
        if found.started < started:
            return _read(pid, "comm").strip() in _INITS
        pid = found.parent
    return pid == 1


def _cgroup(pid: int) -> str:
    return _read(pid, "cgroup")


def _read(pid: int, name: str) -> str:
    with suppress(OSError):
        return (process_tree.PROC / str(pid) / name).read_text(errors="replace")
    return ""


def _agent(pid: int, places: Sequence[Path]) -> str:
    folder = process_tree.PROC / str(pid)
    # It may end while we look, and another user's process is not ours to read.
    with suppress(OSError):
        if not _is_in(folder, places):
            return ""
        return agent_named(_program(folder)) or agent_around(_environment(folder))
    return ""


def _is_in(folder: Path, places: Sequence[Path]) -> bool:
    cwd = (folder / "cwd").readlink()
    return any(cwd.is_relative_to(place) for place in places)


def _program(folder: Path) -> str:
    """Return the name of the program, or of the script that an interpreter runs."""
    words = (folder / "cmdline").read_bytes().split(b"\0")
    names = [Path(os.fsdecode(word)).name for word in words if word and not word.startswith(b"-")]
    if len(names) > 1 and names[0].startswith(_INTERPRETERS):
        names = names[1:]
    return names[0] if names else ""


def _environment(folder: Path) -> Mapping[str, str]:
    found = (folder / "environ").read_bytes().split(b"\0")
    return dict(os.fsdecode(pair).partition("=")[::2] for pair in found)
