"""A run's folder: claimed once, its timeline only ever appended to, its state a fold."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

from runr import nofollow
from runr.clock import Clock
from runr.errors import DamagedStateError, UnknownNameError
from runr.runs.machine import apply, begin, fold
from runr.runs.model import Event, RunState
from runr.storage import files
from runr.storage.layout import Layout, RunFiles

#: How much of an id says when the run was opened.
_SECOND = len("20250108-143022")

Redact = Callable[[str], str]
#: Characters of an id that can stand for it.
_PART = 4


def claim(layout: Layout, now: datetime, suffixes: Iterator[str]) -> RunFiles:
    """Make the folder of a new run; its id is the UTC time and a suffix, and nobody else's."""
    while True:
        run = layout.run(f"{now:%Y%m%d-%H%M%S}-{next(suffixes)}")
        try:
            nofollow.make_folder(run.folder, exist_ok=False)
        except FileExistsError:
            continue
        return run


def events(run: RunFiles, after: int = 0) -> list[Event]:
    """Return the events with a higher number than `after`, oldest first."""
    try:
        found = [Event.model_validate_json(line) for line in files.lines(run.timeline)]
    except ValueError as error:
        raise _damaged(run, error) from None
    return [event for event in found if event.seq > after]


def raw_events(run: RunFiles) -> tuple[dict[str, Any], ...]:
    """Return all events with every key that they were written with; damaged lines are left out."""
    found = []
    for line in files.lines(run.timeline):
        with suppress(ValueError):
            found.append(json.loads(line))
    return tuple(event for event in found if isinstance(event, dict))


def state(run: RunFiles) -> RunState | None:
    """Return where the run stands; None before its first event.

    `state.json` is used when it is as new as the timeline, else the timeline
    is folded again.
    """
    try:
        kept = json.loads(nofollow.read(run.state))
        if kept["bytes"] == nofollow.stat(run.timeline).st_size:
            return RunState.model_validate(kept["state"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # absent, older or damaged: it is only a copy
    known = events(run)
    try:
        return fold(run.id, known) if known else None
    except (ValueError, LookupError, TypeError) as error:
        raise _damaged(run, error) from None


def require(run: RunFiles) -> RunState:
    """Return the state of a run that is known to have begun."""
    known = state(run)
    if known is None:
        raise DamagedStateError(f"run {run.id} has no events", next_steps=["runr doctor"])
    return known


class RunLog:
    """The timeline of one run, for appending."""

    def __init__(self, run: RunFiles, clock: Clock, redact: Redact) -> None:
        self.files = run
        self.redact = redact
        self._clock = clock

    def append(self, kind: str, payload: dict[str, Any], *, source: str = "runr") -> RunState:
        """Record an event durably, then return the state that it leads to."""
        with files.locked(self.files.folder / "timeline.lock"):
            before = state(self.files)
            event = Event(
                seq=(before.seq if before else 0) + 1,
                time=f"{self._clock():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
                type=kind,
                source=source,
                payload=payload,
            )
            line = self.redact(event.model_dump_json())
            event = Event.model_validate_json(line)
            after = apply(before, event) if before else begin(self.files.id, event)
            files.append(self.files.timeline, line.encode() + b"\n")
            self._keep(after)
            return after

    def keep_up(self) -> RunState:
        """Return where the run stands, behind events that were written without the models."""
        with files.locked(self.files.folder / "timeline.lock"):
            now = require(self.files)
            self._keep(now)
            return now

    def _keep(self, after: RunState) -> None:
        size = nofollow.stat(self.files.timeline).st_size
        kept = {"bytes": size, "state": after.model_dump(mode="json")}
        # It is a copy: where the disk is full now, the event is recorded all the same.
        with suppress(OSError):
            files.replace(self.files.state, json.dumps(kept, indent=1).encode() + b"\n")


def ids(layout: Layout) -> list[str]:
    """Return the ids of all recorded runs, oldest first."""
    try:
        found = nofollow.names(layout.runs)
    except FileNotFoundError:
        return []
    known = [name for name in found if _has_begun(layout.run(name))]
    seconds = Counter(name[:_SECOND] for name in known)

    def begun(name: str) -> tuple[str, str, str]:
        # Runs of one second are told apart by their first event.
        alone = seconds[name[:_SECOND]] == 1
        return name[:_SECOND], "" if alone else _first_time(layout.run(name)), name

    return sorted(known, key=begun)


def _has_begun(run: RunFiles) -> bool:
    # On a full disk a timeline may be made that not even the first event fits into.
    try:
        return nofollow.stat(run.timeline).st_size > 0
    except OSError:
        return False


def _first_time(run: RunFiles) -> str:
    with (
        suppress(OSError, ValueError),
        os.fdopen(nofollow.open_file(run.timeline, os.O_RDONLY), "rb") as timeline,
    ):
        return Event.model_validate_json(timeline.readline()).time
    return ""


def _damaged(run: RunFiles, error: Exception) -> DamagedStateError:
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DamagedStateError(f"{run.timeline} is damaged: {why}", next_steps=["runr doctor"])


def _latest(layout: Layout, known: list[str]) -> str:
    """Return the latest attempt at a task; a person's word or receipt only where there is none."""
    for name in reversed(known):
        with suppress(DamagedStateError):
            found = state(layout.run(name))
            if found is not None and found.start.worker != "person":
                return name
    return known[-1]


def find(layout: Layout, wanted: str) -> RunFiles:
    """Return the run `wanted`: an id, the unique beginning or end of one, or `latest`.

    Less than four characters are no part of an id: a short name of a task that
    is not there must not hit a run by chance.
    """
    known = ids(layout)
    if wanted == "latest" and known:
        return layout.run(_latest(layout, known))
    matches = [name for name in known if name == wanted] or [
        name
        for name in known
        if len(wanted) >= _PART and (name.startswith(wanted) or name.endswith(wanted))
    ]
    if len(matches) == 1:
        return layout.run(matches[0])
    if matches:
        raise UnknownNameError(f"run {wanted!r} is ambiguous: {', '.join(matches[-5:])}")
    raise UnknownNameError(f"there is no run {wanted!r}", next_steps=["runr runs"])


_PATIENCE_S = 1.0

#: What ends a run, and what opens it again.
_ENDS = ("run.stopped", "run.completed")
_OPENS = "run.resumed"


def append_light(
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
            kept["bytes"] = nofollow.stat(run.timeline).st_size
            _keep(run, kept)
        return True


def stop_light(run: RunFiles, code: str, detail: str, *, now: datetime, redact: Redact) -> bool:
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
        handle = nofollow.open_file(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with os.fdopen(handle, "wb") as file:
            file.write(json.dumps(kept, indent=1).encode() + b"\n")
        nofollow.rename(beside, run.state.name)


def _copy(run: RunFiles) -> dict[str, Any] | None:
    """Return what `state.json` holds, where it is as new as the timeline."""
    try:
        kept: dict[str, Any] = json.loads(nofollow.read(run.state))
        return kept if kept["bytes"] == nofollow.stat(run.timeline).st_size else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
