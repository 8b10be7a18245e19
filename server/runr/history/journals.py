"""What the journals of runs and job runs say, and what they prove."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple

from runr import nofollow
from runr.errors import DamagedStateError
from runr.history import job_rows, run_rows
from runr.history.freshness import RUNS
from runr.history.job_rows import JobRows
from runr.history.run_rows import Record, RunRows
from runr.jobs.events import JobEvent
from runr.jobs.events import parse_event as parse_job_event
from runr.runs import chain, journal_ends
from runr.runs.chain import Key
from runr.runs.events import Event, parse_event
from runr.runs.journal_ends import End
from runr.runs.reducers import fold
from runr.storage import files
from runr.storage.layout import Layout, RunFiles


class ReadJournal(NamedTuple):
    """What a journal says, and what that proves; no rows where it says nothing."""

    record: Record
    detail: str | None
    rows: RunRows | JobRows | None

    @property
    def settled(self) -> bool:
        """Whether what it tells of has ended."""
        match self.rows:
            case RunRows(run=row) | JobRows(job_run=row):
                return row.ended_at is not None
        return False


def read(layout: Layout, path: str, key: Key | None) -> ReadJournal:
    """Read a journal; of a damaged one, only what is before the damage."""
    kind, _, name = path.partition("/")
    is_run = kind == RUNS
    where = layout.run(name) if is_run else layout.job_run(name)
    end = journal_ends.read(where)
    try:
        lines = files.lines(where.timeline)
    except (OSError, DamagedStateError) as error:
        return ReadJournal("damaged", _first_line(error), None)
    record, detail, lines = _confirmed(lines, key, end)
    parsed, wrong = _parsed(lines, is_run=is_run)
    if wrong:
        record, detail = "damaged", detail or wrong
    if not parsed:
        return ReadJournal(record, detail, None)
    try:
        return ReadJournal(record, detail, _rows(where, path, parsed, record))
    except ValueError as error:
        return ReadJournal("damaged", _first_line(error), None)


def _confirmed(
    lines: list[bytes], key: Key | None, end: End | None
) -> tuple[Record, str | None, list[bytes]]:
    if not lines:
        return "damaged", "it is empty", lines
    if key is None or chain.is_foreign(lines, key):
        return "foreign", "it is a record of another clone", lines
    broken = chain.first_break(lines, key)
    if broken is None:
        missing = journal_ends.explain_missing(lines, end)
        return "damaged" if missing else "confirmed", missing, lines
    return "damaged", f"line {broken} is not as runr wrote it", lines[: broken - 1]


def _parsed(lines: list[bytes], *, is_run: bool) -> tuple[list[Event] | list[JobEvent], str]:
    found: list[Event] = []
    jobs: list[JobEvent] = []
    for number, line in enumerate(lines, 1):
        try:
            raw = json.loads(line)
            if is_run:
                found.append(parse_event(raw))
            else:
                jobs.append(parse_job_event(raw))
        except ValueError as error:
            return found or jobs, f"line {number}: {_first_line(error)}"
    return found or jobs, ""


def _rows(
    where: RunFiles, path: str, events: list[Event] | list[JobEvent], record: Record
) -> RunRows | JobRows:
    runs = [event for event in events if isinstance(event, Event)]
    if not runs:
        jobs = [event for event in events if isinstance(event, JobEvent)]
        return job_rows.of_job_run(where.id, jobs, path, record)
    models: dict[str, Mapping[str, str]] = {}

    def model_of(worker: str) -> str:
        # Read only for a run that used something.
        if "" not in models:
            models[""] = dict(_models(where, runs))
        return models[""].get(worker, "")

    return run_rows.of_run(where.id, runs, path, record, model_of)


def _models(where: RunFiles, events: list[Event]) -> Iterator[tuple[str, str]]:
    """Yield the workers and the models that the settings of the run name for them."""
    state = fold(where.id, events)
    with suppress(OSError, DamagedStateError, ValueError, AttributeError):
        content = nofollow.read(where.config)
        # Another text is not what the run was held to.
        if state.spec.config_sha256 != sha256(content).hexdigest():
            return
        for worker, settings in json.loads(content).get("workers", {}).items():
            if settings.get("model"):
                yield worker, str(settings["model"])


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
