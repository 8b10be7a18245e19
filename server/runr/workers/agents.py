"""Whether an agent has started this process, by the processes from which it descends.

What an agent sets in the environment of its commands can be taken out again; from whom a process
descends cannot. Only agents active in the repository are looked for: a program that one started
elsewhere may be the user's own.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from runr.runs.channel import agent_around, agent_named
from runr.workers import process_tree

_INTERPRETERS = ("node", "bun", "deno", "python", "sh", "bash")


def agent_above(places: Sequence[Path]) -> str:
    """Return the agent in one of these folders that has started this process; '' for none."""
    return next((name for pid in process_tree.ancestors() if (name := _agent(pid, places))), "")


def _agent(pid: int, places: Sequence[Path]) -> str:
    folder = process_tree.PROC / str(pid)
    # It may end while we look, and another user's process is not ours to read.
    with suppress(OSError):
        cwd = (folder / "cwd").readlink()
        if not any(cwd.is_relative_to(place) for place in places):
            return ""
        return agent_named(_program(folder)) or agent_around(_environment(folder))
    return ""


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
