"""Events that a hook writes down: it has no time for the models.

What a session did in passing leaves the run as it is: `core.run.apply` makes
nothing of it but a later time, so the copy in `state.json` is kept up by hand.
That the session leaves its run does change it: the copy is then older than the
timeline, which is folded again by whoever looks next.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from runr.store import files
from runr.store.layout import RunFiles

_PATIENCE_S = 1.0

#: What ends a run, and what opens it again.
_ENDS = ("run.stopped", "run.completed")
_OPENS = "run.resumed"

Redact = Callable[[str], str]


def append(
    run: RunFiles,
    kind: str,
    payload: dict[str, Any],
    *,
    now: datetime,
    redact: Redact,
    once: str | None = None,
) -> bool:
    """Record the event durably and tell whether it was new; it comes from the session.

    A key in `payload` named by `once` tells it from others of its kind: the
    same value is not noted twice. While others are writing for longer than a
    moment, it is left out.
    """
    with _alone(run) as mine:
        if not mine or (once is not None and is_noted(run, kind, once, payload[once])):
            return False
        kept = _copy(run)
        seq = (kept["state"]["seq"] if kept else _last(run)) + 1
        event = _event(seq, now, kind, payload)
        _write(run, event, redact)
        if kept:
            kept["state"] |= {"seq": seq, "updated_at": event["time"]}
            kept["bytes"] = run.timeline.stat().st_size
            _keep(run, kept)
        return True


def stop(run: RunFiles, code: str, detail: str, *, now: datetime, redact: Redact) -> bool:
    """Record durably that the run has stopped; False where it has ended already.

    Its task's line in the status file follows when somebody looks.
    """
    with _alone(run) as mine:
        if not mine or _has_ended(run):
            return False
        payload = {"code": code, "detail": detail}
        _write(run, _event(_last(run) + 1, now, "run.stopped", payload), redact)
        return True


@contextmanager
def _alone(run: RunFiles) -> Iterator[bool]:
    """Keep other writers out, and tell whether they left in time."""
    lock = files.hold(run.folder / "timeline.lock", patience_s=_PATIENCE_S)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def _event(seq: int, now: datetime, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    time = f"{now:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
    return {"seq": seq, "time": time, "type": kind, "source": "session", "payload": payload}


def _write(run: RunFiles, event: dict[str, Any], redact: Redact) -> None:
    line = redact(json.dumps(event, ensure_ascii=False, separators=(",", ":")))
    files.append(run.timeline, line.encode("utf-8", "replace") + b"\n")


def _has_ended(run: RunFiles) -> bool:
    found = [json.loads(line)["type"] for line in files.lines(run.timeline)]
    last = [kind for kind in found if kind in (*_ENDS, _OPENS)][-1:]
    return bool(last) and last[0] in _ENDS


def is_noted(run: RunFiles, kind: str, key: str | None = None, value: object = None) -> bool:
    """Tell whether an event of the kind, with this value of `key`, is on the timeline.

    Without a key, only what came after the run was last taken up counts.
    """
    found = False
    for line in files.lines(run.timeline):
        if key is None and f'"{_OPENS}"'.encode() in line:
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
