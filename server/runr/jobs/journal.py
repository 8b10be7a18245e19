"""The record of a job run on disk: an append-only journal, and a cache of the state at its end.

The mechanics are those of the journal of a run. The state of many tasks takes long to write, so
that of an open job run is folded from the journal, and kept in memory by those who write it.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from runr import nofollow
from runr.clock import Clock
from runr.errors import DamagedStateError, UnknownNameError
from runr.jobs import state as job_state
from runr.jobs.events import EventData, JobEvent, parse_event
from runr.jobs.state import JobState
from runr.next_steps import commands
from runr.runs import chain, clone_key, codec, journal_ends
from runr.runs import journal as run_journal
from runr.runs.codec import CodecError
from runr.runs.journal import Redact
from runr.runs.model import RunState
from runr.storage import files, reopened
from runr.storage.layout import Layout, RunFiles
from runr.text import closest_match

_LOCK = "timeline.lock"
#: The shortest part of an id that is accepted in its place.
_PART = 4


class JobJournal:
    """The journal of one job run, for appending; the state is kept up to date with the file."""

    def __init__(self, files_: RunFiles, clock: Clock, redact: Redact) -> None:
        self.files = files_
        self._clock = clock
        self._redact = redact
        self._state: JobState | None = None
        self._lines = 0
        self._seen = -1

    def state(self) -> JobState:
        """Return the state, with what other processes have appended meanwhile."""
        self._catch_up()
        if self._state is None:
            raise DamagedStateError(f"the job run {self.files.id} has no events")
        return self._state

    def append(self, data: EventData) -> JobState:
        """Record an event durably, and return the state that it leads to."""
        with files.locked(self.files.folder / _LOCK):
            self._catch_up()
            seq = (self._state.seq if self._state else 0) + 1
            time = f"{self._clock():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
            raw = JobEvent(seq, time, data).to_json()
            text = self._redact(json.dumps(raw, ensure_ascii=False, separators=(",", ":")))
            event = parse_event(json.loads(text))
            state = self._after(event)
            line = text.encode("utf-8", "replace")
            key = clone_key.ensure(self.files.root)
            sealed = chain.sealed(line, files.last_line(self.files.timeline), key)
            if self._state is None or self._state.result:
                # As in the journal of a run.
                if self._state:
                    reopened.note(self.files)
                nofollow.touch(self.files.folder.parent)
            files.append(self.files.timeline, sealed + b"\n")
            self._state = state
            self._lines += 1
            journal_ends.note(self.files, self._lines, sealed)
            self._seen = self._size()
            if state.result:
                self._cache(state)
            return state

    def _after(self, event: JobEvent) -> JobState:
        if self._state is None:
            return job_state.begin(self.files.id, event)
        return job_state.apply(self._state, event)

    def _catch_up(self) -> None:
        if self._seen >= 0 and self._seen == self._size():
            return
        lines = _whole_lines(self.files)
        for number, line in enumerate(lines[self._lines :], self._lines + 1):
            self._state = self._after(_parsed(self.files, number, line))
        self._lines = len(lines)
        self._seen = self._size()

    def _size(self) -> int:
        try:
            return nofollow.stat(self.files.timeline).st_size
        except FileNotFoundError:
            return -1

    def _cache(self, state: JobState) -> None:
        # Where the disk is full now, the event is recorded all the same.
        with suppress(OSError):
            cached = {"bytes": self._size(), "state": codec.encode(state)}
            files.replace(self.files.state, json.dumps(cached).encode() + b"\n")


def events(job_run: RunFiles) -> list[JobEvent]:
    """Return all events, oldest first."""
    lines = enumerate(_whole_lines(job_run), 1)
    return [_parsed(job_run, number, line) for number, line in lines]


def state(job_run: RunFiles) -> JobState | None:
    """Return the state of a job run; None before its first event."""
    with suppress(OSError, DamagedStateError, ValueError, KeyError, TypeError):
        cached = json.loads(nofollow.read(job_run.state))
        if cached["bytes"] == nofollow.stat(job_run.timeline).st_size:
            return codec.decode(JobState, cached["state"])
    known = events(job_run)
    try:
        return job_state.fold(job_run.id, known) if known else None
    except CodecError as error:
        raise _damaged(job_run, str(error)) from None


def require(job_run: RunFiles) -> JobState:
    """Return the state of a job run that has begun."""
    known = state(job_run)
    if known is None:
        raise DamagedStateError(f"the job run {job_run.id} has no events")
    return known


def run_of(layout: Layout, run_id: str | None) -> RunState | None:
    """Return the state of a run of a job; None where its record is gone or damaged."""
    with suppress(DamagedStateError):
        return run_journal.state(layout.run(run_id)) if run_id else None
    return None


def claim(layout: Layout, now: datetime, suffixes: Iterator[str]) -> RunFiles:
    """Make the folder of a new job run; its id, the UTC time and a suffix, is unique."""
    while True:
        found = layout.job_run(f"{now:%Y%m%d-%H%M%S}-{next(suffixes)}")
        with suppress(FileExistsError):
            nofollow.make_folder(found.folder, exist_ok=False)
            return found


def ids(layout: Layout) -> list[str]:
    """Return the ids of all job runs, oldest first."""
    try:
        names = sorted(nofollow.names(layout.job_runs))
    except FileNotFoundError:
        return []
    kept = (name for name in names if not name.startswith("."))
    return [name for name in kept if nofollow.exists(layout.job_run(name).timeline)]


def find(layout: Layout, wanted: str | None) -> RunFiles:
    """Return a job run: by its id or a part of it, the latest of a job, or the latest of all."""
    known = ids(layout)
    if not known:
        raise UnknownNameError("no job has run yet", next_steps=[commands.list_jobs()])
    if wanted in (None, "latest"):
        return layout.job_run(known[-1])
    matches = [name for name in known if _is_part(str(wanted), name)]
    if not matches:
        named = [(name, _job_name(layout.job_run(name))) for name in known]
        matches = [name for name, job in named if job == wanted][-1:]
        if not matches:
            near = closest_match(str(wanted), dict.fromkeys(job for _, job in named))
            offer = f"; did you mean {near!r}?" if near else ""
            raise UnknownNameError(
                f"no job {wanted!r} has run{offer}", next_steps=[commands.list_jobs()]
            )
    if len(matches) > 1:
        raise UnknownNameError(f"job run {wanted!r} is ambiguous: {', '.join(matches[-5:])}")
    return layout.job_run(matches[0])


def of_job(layout: Layout, name: str) -> Iterator[RunFiles]:
    """Yield the runs of a job, the latest first."""
    for each in reversed(ids(layout)):
        if _job_name(layout.job_run(each)) == name:
            yield layout.job_run(each)


def _is_part(wanted: str, name: str) -> bool:
    return len(wanted) >= _PART and (name.startswith(wanted) or name.endswith(wanted))


def _job_name(job_run: RunFiles) -> str:
    with suppress(DamagedStateError, OSError):
        lines = files.lines(job_run.timeline)
        first = _parsed(job_run, 1, lines[0]) if lines else None
        if first is not None:
            return job_state.begin(job_run.id, first).name
    return ""


def _whole_lines(job_run: RunFiles) -> list[bytes]:
    end = journal_ends.read(job_run)
    lines = files.lines(job_run.timeline)
    key = clone_key.find(job_run.root)
    if lines and chain.is_foreign(lines, key):
        raise _damaged(job_run, "it is the record of another clone")
    broken = chain.first_break(lines, key) if key else None
    if broken is not None:
        raise _damaged(job_run, f"line {broken} is not as runr wrote it")
    if missing := journal_ends.explain_missing(lines, end):
        raise _damaged(job_run, missing)
    return lines


def _parsed(job_run: RunFiles, number: int, line: bytes) -> JobEvent:
    try:
        return parse_event(json.loads(line))
    except ValueError as error:
        raise _damaged(job_run, f"line {number}: {error}") from None


def _damaged(job_run: RunFiles, why: str) -> DamagedStateError:
    return DamagedStateError(f"{job_run.timeline} is damaged: {why}")
