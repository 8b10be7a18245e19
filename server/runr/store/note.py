"""An event that leaves a run as it is, written down without the models.

It tells what a session did in passing. `core.run.apply` makes nothing of it
but a later time, so the copy in `state.json` can be kept up by hand.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from runr.store import files
from runr.store.layout import RunFiles

_PATIENCE_S = 1.0


def append(
    run: RunFiles,
    kind: str,
    payload: dict[str, Any],
    *,
    now: datetime,
    redact: Callable[[str], str],
    once: str | None = None,
) -> bool:
    """Record the event durably and tell whether it was new; it comes from the session.

    A key in `payload` named by `once` tells it from others of its kind: the
    same value is not noted twice. While others are writing for longer than a
    moment, it is left out.
    """
    lock = files.hold(run.folder / "timeline.lock", patience_s=_PATIENCE_S)
    if lock is None:
        return False
    try:
        if once is not None and is_noted(run, kind, once, payload[once]):
            return False
        kept = _copy(run)
        seq = (kept["state"]["seq"] if kept else _last(run)) + 1
        time = f"{now:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        event = {"seq": seq, "time": time, "type": kind, "source": "session", "payload": payload}
        line = redact(json.dumps(event, ensure_ascii=False, separators=(",", ":")))
        files.append(run.timeline, line.encode("utf-8", "replace") + b"\n")
        if kept:
            kept["state"] |= {"seq": seq, "updated_at": time}
            kept["bytes"] = run.timeline.stat().st_size
            _keep(run, kept)
        return True
    finally:
        os.close(lock)


def is_noted(run: RunFiles, kind: str, key: str | None = None, value: object = None) -> bool:
    """Tell whether an event of the kind, with this value of `key`, is on the timeline.

    Without a key, only what came after the run was last taken up counts.
    """
    found = False
    for line in files.lines(run.timeline):
        if key is None and b'"run.resumed"' in line:
            found = False
        elif kind.encode() in line:
            event = json.loads(line)
            found |= event["type"] == kind and (key is None or event["payload"].get(key) == value)
    return found


def _last(run: RunFiles) -> int:
    """Return the number of the last event."""
    *_, last = files.lines(run.timeline)
    return int(json.loads(last)["seq"])


def _keep(run: RunFiles, kept: dict[str, Any]) -> None:
    # It is only a copy, which a crash may take: nobody waits for the disk.
    beside = run.state.with_name(f".{run.state.name}.{os.getpid()}.tmp")
    with suppress(OSError):
        beside.write_bytes(json.dumps(kept, indent=1).encode() + b"\n")
        beside.replace(run.state)


def _copy(run: RunFiles) -> dict[str, Any] | None:
    """Return what `state.json` holds, where it is as new as the timeline."""
    try:
        kept: dict[str, Any] = json.loads(run.state.read_bytes())
        return kept if kept["bytes"] == run.timeline.stat().st_size else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
