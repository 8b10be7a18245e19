"""The record of a run on disk: its folder, its append-only journal, and a cache of its state.

The engine and the hooks of Claude Code use it alike, so nothing here loads a model library. Most
hooks only read the cached state: events and reducers are loaded where they are needed.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runr import nofollow
from runr.clock import Clock
from runr.errors import DamagedStateError, ForeignRunError, UnknownNameError
from runr.next_steps import commands
from runr.runs import chain, clone_key, codec, journal_ends
from runr.runs.codec import CodecError
from runr.runs.model import RunState
from runr.storage import files, reopened
from runr.storage.layout import Layout, RunFiles
from runr.text import closest_match

if TYPE_CHECKING:
    from runr.runs.events import Event, EventData

Redact = Callable[[str], str]
Condition = Callable[[RunState], bool]

_TIMELINE = "timeline.jsonl"
_LOCK = "timeline.lock"

#: The part of an id that is the time to the second.
_SECOND = len("20250108-143022")

#: As many attempts, the latest by their ids, are looked at for the latest one.
_RECENT = 50

#: The shortest part of an id that is accepted in its place.
_PART = 4


def claim(layout: Layout, now: datetime, suffixes: Iterator[str]) -> RunFiles:
    """Make the folder of a new run; its id, the UTC time and a suffix, is unique."""
    while True:
        run = layout.run(f"{now:%Y%m%d-%H%M%S}-{next(suffixes)}")
        try:
            nofollow.make_folder(run.folder, exist_ok=False)
        except FileExistsError:
            continue
        return run


def events(run: RunFiles, after: int = 0, *, any_clone: bool = False) -> "list[Event]":
    """Return the events with a higher number than `after`, oldest first.

    ForeignRunError for a record of another clone, unless it is only shown (`any_clone`).
    """
    from runr.runs.events import parse_event  # noqa: PLC0415 - see above

    found = []
    for number, line in enumerate(_whole_lines(run, any_clone=any_clone), 1):
        try:
            event = parse_event(json.loads(line))
        except ValueError as error:
            raise _damaged(run, f"line {number}: {error}") from None
        if event.seq > after:
            found.append(event)
    return found


def _whole_lines(run: RunFiles, *, any_clone: bool = False) -> list[bytes]:
    end = journal_ends.read(run)
    lines = files.lines(run.timeline)
    key = clone_key.find(run.root)
    if _are_foreign(lines, key):
        if any_clone:
            return lines
        raise _foreign(run)
    broken = chain.first_break(lines, key) if key else None
    if broken is not None:
        raise _damaged(run, f"line {broken} is not as runr wrote it, or one before it is missing")
    if missing := journal_ends.explain_missing(lines, end):
        raise _damaged(run, missing)
    return lines


def check(run: RunFiles) -> None:
    """Raise DamagedStateError unless the journal is as runr wrote it."""
    events(run)
    state(run)


def is_foreign(run: RunFiles) -> bool:
    """Tell whether the journal is a record of another clone."""
    return _are_foreign(files.lines(run.timeline), clone_key.find(run.root))


def _are_foreign(lines: list[bytes], key: chain.Key | None) -> bool:
    # What does not begin with an event was written by no clone: that is damage.
    return bool(lines) and lines[0].startswith(b'{"seq"') and chain.is_foreign(lines, key)


def raw_events(run: RunFiles) -> tuple[dict[str, Any], ...]:
    """Return all events with every key that they were written with; damaged lines are left out."""
    found = []
    for line in files.lines(run.timeline):
        with suppress(ValueError):
            found.append(json.loads(line))
    return tuple(event for event in found if isinstance(event, dict))


def has_tool_event(run: RunFiles, tool_use_id: str) -> bool:
    """Tell whether the use of a tool is on record: two installations of the hooks report it."""
    known = (line for line in files.lines(run.timeline) if tool_use_id.encode() in line)
    return any(json.loads(line)["payload"].get("id") == tool_use_id for line in known)


def state(run: RunFiles) -> RunState | None:
    """Return the state of a run; None before its first event, and for one of another clone.

    `state.json` is used where it is as new as the journal, else the events are
    read again.
    """
    key = clone_key.find(run.root)
    try:
        cached = json.loads(nofollow.read(run.state))
        is_own = key is not None and cached["key"] == key.id.decode()
        if is_own and cached["bytes"] == nofollow.stat(run.timeline).st_size:
            return codec.decode(RunState, cached["state"])
    except (OSError, DamagedStateError, ValueError, KeyError, TypeError):
        pass  # absent, older or damaged: it is only a cache
    return folded(run)


def folded(run: RunFiles, *, any_clone: bool = False) -> RunState | None:
    """Return the state of a run from its events alone.

    None before its first event, and for a record of another clone, unless it is only shown
    (`any_clone`).
    """
    try:
        return _fold(run, events(run, any_clone=any_clone))
    except ForeignRunError:
        return None


def _fold(run: RunFiles, known: "list[Event]") -> RunState | None:
    from runr.runs.reducers import fold  # noqa: PLC0415 - see above

    try:
        return fold(run.id, known) if known else None
    except CodecError as error:
        raise _damaged(run, str(error)) from None


def require(run: RunFiles) -> RunState:
    """Return the state of a run that is known to have begun, for a decision about it.

    The cached state, which any program could have written, does not count.
    """
    known = _fold(run, events(run))
    if known is None:
        raise DamagedStateError(f"run {run.id} has no events", next_steps=[commands.doctor()])
    return known


class Journal:
    """The journal of one run, for appending; secrets are redacted before anything is written."""

    def __init__(self, run: RunFiles, clock: Clock, redact: Redact) -> None:
        self.files = run
        self.redact = redact
        self._clock = clock

    def append(self, data: "EventData", *, source: str = "runr") -> RunState:
        """Record an event durably, and return the state that it leads to."""
        with files.locked(self.files.folder / _LOCK):
            return self._append(self._before(), data, source)

    def append_if(
        self, condition: Condition, data: "EventData", *, source: str, timeout_s: float
    ) -> RunState | None:
        """Record an event durably if `condition` holds for the state at that moment.

        Returns the state that it leads to; None where the condition does not
        hold, or other writers do not finish within `timeout_s`.
        """
        lock = files.hold(self.files.folder / _LOCK, patience_s=timeout_s)
        if lock is None:
            return None
        try:
            before = state(self.files)
            if before is None:
                return None
            return self._append(before, data, source) if condition(before) else None
        finally:
            os.close(lock)

    def _before(self) -> RunState | None:
        return _fold(self.files, events(self.files))

    def _append(self, before: RunState | None, data: "EventData", source: str) -> RunState:
        from runr.runs.events import Event, parse_event  # noqa: PLC0415 - see above
        from runr.runs.reducers import apply, begin  # noqa: PLC0415 - see above

        now = f"{self._clock():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
        event = Event((before.seq if before else 0) + 1, now, data, source)
        text = json.dumps(event.to_json(), ensure_ascii=False, separators=(",", ":"))
        text = self.redact(text)
        event = parse_event(json.loads(text))
        after = apply(before, event) if before else begin(self.files.id, event)
        # Where the run works is exact; what cannot be written of other names is only shown.
        errors = "replace" if before else "backslashreplace"
        line, key = text.encode("utf-8", errors), clone_key.ensure(self.files.root)
        line = chain.sealed(line, files.last_line(self.files.timeline), key)
        if before is None or before.result:
            if before:
                reopened.note(self.files)
            # The history looks at such a journal only when this folder has changed.
            nofollow.touch(self.files.folder.parent)
        files.append(self.files.timeline, line + b"\n")
        journal_ends.note(self.files, event.seq, line)
        self._cache(after, key)
        return after

    def _cache(self, after: RunState, key: chain.Key) -> None:
        """Write the state beside the journal, without waiting for the disk: it is only a cache."""
        beside = self.files.state.with_name(f".{self.files.state.name}.{os.getpid()}.tmp")
        # Where the disk is full now, the event is recorded all the same.
        with suppress(OSError):
            size = nofollow.stat(self.files.timeline).st_size
            cached = {"bytes": size, "key": key.id.decode(), "state": codec.encode(after)}
            handle = nofollow.open_file(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps(cached, indent=1).encode() + b"\n")
            nofollow.rename(beside, self.files.state.name)


def ids(layout: Layout, among: Collection[str] | None = None) -> list[str]:
    """Return the ids of all recorded runs, or of those `among` the ids, oldest first."""
    found = nofollow.stat_in_each(layout.runs, _TIMELINE, among)
    # On a full disk a timeline may be made that not even the first event fits into.
    known = [name for name, stat in found if stat.st_size > 0]
    seconds = Counter(name[:_SECOND] for name in known)

    def begun(name: str) -> tuple[str, str, str]:
        # Runs of the same second are ordered by their first event.
        alone = seconds[name[:_SECOND]] == 1
        return name[:_SECOND], "" if alone else _first_time(layout.run(name)), name

    return sorted(known, key=begun)


def _first_time(run: RunFiles) -> str:
    with (
        suppress(OSError, DamagedStateError, ValueError, KeyError, TypeError),
        os.fdopen(nofollow.open_file(run.timeline, os.O_RDONLY), "rb") as timeline,
    ):
        return str(json.loads(timeline.readline())["time"])
    return ""


def _damaged(run: RunFiles, why: str) -> DamagedStateError:
    summary = (why.splitlines() or ["unreadable"])[0]
    return DamagedStateError(
        f"{run.timeline} is damaged: {summary}", next_steps=[commands.rebuild()]
    )


def _foreign(run: RunFiles) -> ForeignRunError:
    return ForeignRunError(
        f"run {run.id} is a record of another clone: it proves nothing here, and is not continued",
        next_steps=[commands.verify(), commands.rebuild()],
    )


def _latest(layout: Layout, known: list[str]) -> str:
    """Return the latest attempt at a task; a record of a person only where there is none.

    Ids have the time of a clock that may go back: the sequence decides.
    """
    attempts: list[tuple[int, int, str]] = []
    for place, name in enumerate(reversed(known)):
        with suppress(DamagedStateError):
            found = state(layout.run(name))
            if found is not None and found.start.worker != "person":
                attempts.append((found.sequence, -place, name))
        if len(attempts) == _RECENT:
            break
    return max(attempts)[2] if attempts else known[-1]


def find(layout: Layout, wanted: str) -> RunFiles:
    """Return the run `wanted`: an id, the unique beginning or end of one, or `latest`.

    A part has at least four characters: the short name of a task that does not
    exist must not match a run by chance.
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
    if wanted == "latest":
        raise UnknownNameError("there is no run yet", next_steps=[commands.next_task()])
    near = closest_match(wanted, known)
    offer = f"; did you mean {near}?" if near else ""
    raise UnknownNameError(f"there is no run {wanted!r}{offer}", next_steps=[commands.runs()])
