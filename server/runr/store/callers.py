"""Who calls a tool of the server, and where from, as the hook before the call writes it down.

Claude Code tells the server once, when it starts it. `/clear` and `/resume` go on in another
session with the same server, `EnterWorktree` in another folder, and then only hooks are told.
"""

import json
import os
from contextlib import suppress
from typing import NamedTuple

from runr.store import files
from runr.store.layout import Layout

#: How many calls are remembered: only those that have not been answered yet matter.
_KEPT = 20
_PATIENCE_S = 1.0


class Caller(NamedTuple):
    """A session, and the folder that it works in."""

    session_id: str
    cwd: str


def note(layout: Layout, tool_use_id: str, caller: Caller) -> None:
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


def find(layout: Layout, tool_use_id: str) -> Caller | None:
    """Return whose call it is; None where no hook has said so."""
    match _read(layout).get(tool_use_id):
        case [str(session_id), str(cwd)]:
            return Caller(session_id, cwd)
    return None


def _read(layout: Layout) -> dict[str, object]:
    """Return what is written down; what cannot be read is not missed."""
    with suppress(OSError, ValueError):
        known = json.loads(layout.callers.read_bytes())
        if isinstance(known, dict):
            return known
    return {}
