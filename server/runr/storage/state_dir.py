"""The folder `.runr`: what git sees of it, and which session calls a tool of the server.

Claude Code tells the server its session once, when it starts it. `/clear` and `/resume` go on
in another session with the same server, `EnterWorktree` in another folder, and only hooks learn
of that.
"""

import json
import os
from contextlib import suppress
from typing import NamedTuple

from runr import nofollow
from runr.storage import files
from runr.storage.layout import Layout

IGNORE = """\
# Written by runr. Its records stay on this machine, this file too; commit
# trailers carry the shared history.
*
!config.toml
!tasks/
!tasks/**
!jobs/
!jobs/**
!templates/
!templates/**
"""


#: Where the status is shared, its file is in git, and so is this one.
SHARED = """\
# Written by runr. The records of runs stay on this machine; the status file is
# shared, and merged task by task.
*
!.gitignore
!config.toml
!task-status.json
!tasks/
!tasks/**
!jobs/
!jobs/**
!templates/
!templates/**
"""


def share_status_file(layout: Layout) -> bool:
    """Let git see the status file; tell whether it wrote."""
    try:
        old = nofollow.read(layout.ignore).decode()
    except FileNotFoundError:
        old = IGNORE
    if "!task-status.json" in old.splitlines():
        return False
    new = SHARED if old == IGNORE else f"{old.rstrip()}\n!.gitignore\n!task-status.json\n"
    files.replace(layout.ignore, new.encode())
    return True


#: What the file of earlier versions lacks: it hides the files of jobs.
_LATER = ("!jobs/", "!jobs/**")


def later_lines(layout: Layout) -> list[str]:
    """Return the lines that the file of an earlier version lacks; none if it hides nothing."""
    text = _ignore_text(layout)
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in _LATER if line not in lines] if "*" in lines else []


def with_later_lines(layout: Layout) -> str | None:
    """Return the `.gitignore` with the lines that it lacks; None where it lacks none."""
    missing = later_lines(layout)
    return "\n".join([_ignore_text(layout).rstrip(), *missing, ""]) if missing else None


def _ignore_text(layout: Layout) -> str:
    try:
        return nofollow.read(layout.ignore).decode()
    except (OSError, ValueError):
        return ""


def ensure_state_dir(layout: Layout) -> bool:
    """Make the folder and its `.gitignore` where they are missing; tell whether it wrote."""
    if nofollow.exists(layout.ignore):
        return False
    files.replace(layout.ignore, (SHARED if is_shared(layout) else IGNORE).encode())
    return True


def is_shared(layout: Layout) -> bool:
    """Tell whether the settings put the status file into git."""
    # Not by the settings' model: that package is above this one, and takes its time to load.
    try:
        content = nofollow.read(layout.config)
        if b"shared" not in content:
            return False
        import tomllib  # noqa: PLC0415 - most settings do not mention it

        status = tomllib.loads(content.decode()).get("status")
    except (OSError, ValueError):
        return False
    return isinstance(status, dict) and status.get("shared") is True


#: How many calls are remembered: only those that have not been answered yet matter.
_KEPT = 20
_PATIENCE_S = 1.0


class Caller(NamedTuple):
    """A session, and the folder that it works in."""

    session_id: str
    cwd: str


def note_caller(layout: Layout, tool_use_id: str, caller: Caller) -> None:
    """Write down whose call it is; while others are writing for longer than a moment, leave it."""
    lock = files.hold(layout.callers_lock, patience_s=_PATIENCE_S)
    if lock is None:
        return
    try:
        known = {**_read(layout), tool_use_id: caller}
        latest = dict(list(known.items())[-_KEPT:])
        files.replace(layout.callers, json.dumps(latest).encode() + b"\n")
    finally:
        os.close(lock)


def find_caller(layout: Layout, tool_use_id: str) -> Caller | None:
    """Return whose call it is; None where no hook has said so."""
    match _read(layout).get(tool_use_id):
        case [str(session_id), str(cwd)]:
            return Caller(session_id, cwd)
    return None


def _read(layout: Layout) -> dict[str, object]:
    """Return what is written down; what cannot be read is not missed."""
    with suppress(OSError, ValueError):
        known = json.loads(nofollow.read(layout.callers))
        if isinstance(known, dict):
            return known
    return {}
