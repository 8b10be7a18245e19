"""The journal of a run for the process that executes it, which is the only one that may write it.

What a worker adds to the journal, or changes in it, does not count: the journal is put back as this
process knows it, the other one is kept aside, and the run stops.
"""

import json

from runr import nofollow
from runr.clock import Clock
from runr.errors import DamagedStateError
from runr.runs import chain, clone_key, journal_ends
from runr.runs.events import EventData, NoteAdded, RunStopRequested, parse_event
from runr.runs.hook_events import HookFinished
from runr.runs.journal import Journal, Redact
from runr.runs.model import RunState
from runr.storage import files
from runr.storage.layout import RunFiles

#: What other processes record in a run that is being executed: `runr note`, `runr stop`, and the
#: process that calls lifecycle hooks.
_OF_OTHERS = (NoteAdded, RunStopRequested, HookFinished)


class JournalChangedError(DamagedStateError):
    """Something else has written into the journal of a run."""


class WatchedJournal(Journal):
    """A journal that compares what is on disk with what it knows, before every event."""

    def __init__(self, run: RunFiles, clock: Clock, redact: Redact) -> None:
        super().__init__(run, clock, redact)
        self._known = self._read()

    def _before(self) -> RunState | None:
        found = self._read()
        why = _difference(self._known, found, clone_key.find(self.files.root))
        if why is not None:
            aside = self.files.timeline.with_name("timeline.changed.jsonl")
            files.replace(aside, found)
            files.replace(self.files.timeline, self._known)
            # What was added may be sealed, and noted as the end.
            known = self._known.splitlines()
            journal_ends.note(self.files, len(known), known[-1] if known else b"")
            raise JournalChangedError(
                f"the journal of the run was changed while its worker worked: {why}; "
                f"it is put back, and what was found is kept as {aside.name}"
            )
        return super()._before()

    def _append(self, before: RunState | None, data: EventData, source: str) -> RunState:
        after = super()._append(before, data, source)
        self._known = self._read()
        return after

    def _read(self) -> bytes:
        """Return all complete lines of the journal."""
        try:
            found = nofollow.read(self.files.timeline)
        except OSError:
            return b""
        return found[: found.rfind(b"\n") + 1]


def _difference(known: bytes, found: bytes, key: chain.Key | None) -> str | None:
    """Return what is in the journal that neither this process nor a command of runr wrote."""
    if not found.startswith(known):
        return "earlier events are not as they were"
    number = known.count(b"\n")
    for line in found[len(known) :].splitlines():
        number += 1
        try:
            event = parse_event(json.loads(line))
        except ValueError:
            return f"line {number} is no event"
        if not isinstance(event.data, _OF_OTHERS):
            return f"line {number}, {event.type}, is not from the run itself"
    if key is None:
        return "the key of the clone is gone" if found else None
    broken = chain.first_break(found.splitlines(), key)
    return None if broken is None else f"line {broken} is not as runr wrote it"
