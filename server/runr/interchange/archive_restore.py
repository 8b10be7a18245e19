"""Put an export of runr back: files, statuses and histories, each only where nothing is yet."""

import errno
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runr import nofollow
from runr.errors import RunrError, UsageError
from runr.interchange.archive import KeptRun, KeptTask
from runr.interchange.archive_reader import ArchiveRecord
from runr.interchange.import_plan import Outcome
from runr.project import Project
from runr.runs import journal
from runr.status import store
from runr.status.model import Entry
from runr.storage import files, state_dir
from runr.tasks import repository
from runr.text import one_line

# A name that cannot be written here is that record's fault; a full disk is not.
_OF_THE_NAME = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL)
_DIFFERS = "here already, and different"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What became of one record of an export."""

    record: ArchiveRecord
    outcome: Outcome
    reason: str = ""


def restore_archive(
    project: Project, records: Sequence[ArchiveRecord], *, dry_run: bool
) -> list[Restored]:
    """Write what is missing; what is here and different stays, and counts as failed."""
    if not dry_run and any(record.value for record in records):
        state_dir.ensure_state_dir(project.layout)
    rows = {
        index: _restored(project, record, dry_run=dry_run)
        for index, record in enumerate(records)
        if not isinstance(record.value, Entry)
    }
    lost = {row.record.name for row in rows.values() if row.outcome == "failed"}
    lost -= {row.record.name for row in rows.values() if row.outcome != "failed"}
    known, fresh = project.entries(), dict[str, Entry]()
    for index, record in enumerate(records):
        if isinstance(record.value, Entry):
            rows[index] = _status(record, record.value, known, lost)
            if rows[index].outcome == "imported":
                fresh[record.name] = record.value
    if fresh and not dry_run:
        store.update(project.layout, lambda now: fresh | now, repair=project.repair)
    return [rows[index] for index in range(len(records))]


def _status(
    record: ArchiveRecord, entry: Entry, known: Mapping[str, Entry], lost: Collection[str]
) -> Restored:
    """Return how a status is restored; one without its task or run has no evidence."""
    if known.get(record.name) == entry:
        return Restored(record=record, outcome="present")
    if record.name in known:
        return Restored(record=record, outcome="failed", reason=_DIFFERS)
    behind = next((name for name in (record.name, entry.last_run_id) if name in lost), None)
    if behind is not None:
        reason = f"{one_line(behind)}, which it is about, is not restored"
        return Restored(record=record, outcome="failed", reason=reason)
    return Restored(record=record, outcome="imported")


def _restored(project: Project, record: ArchiveRecord, *, dry_run: bool) -> Restored:
    """Return how a task file, a run or an unreadable item is restored."""
    value = record.value
    if value is None or isinstance(value, Entry):
        outcome: Outcome = "left_out" if record.copy else "failed"
        return Restored(record=record, outcome=outcome, reason=record.reason)
    path, content = _file(project, value)
    try:
        if _same(project, value):
            return Restored(record=record, outcome="present")
        if nofollow.exists(path):
            return Restored(record=record, outcome="failed", reason=_DIFFERS)
    except RunrError as error:
        return Restored(record=record, outcome="failed", reason=error.message)
    if not dry_run and (reason := create_file(path, content)):
        return Restored(record=record, outcome="failed", reason=reason)
    return Restored(record=record, outcome="imported")


def create_file(path: Path, content: bytes) -> str:
    """Write a new file; return why this name cannot be written, or nothing."""
    try:
        files.create(path, content)
    except RunrError as error:
        return error.message
    except OSError as error:
        if error.errno not in _OF_THE_NAME:
            raise
        return f"cannot be written: {error.strerror}"
    return ""


def _file(project: Project, value: KeptTask | KeptRun) -> tuple[Path, bytes]:
    if isinstance(value, KeptTask):
        return project.layout.root / value.path, value.content
    return project.layout.run(value.id).timeline, value.timeline


def _same(project: Project, value: KeptTask | KeptRun) -> bool:
    if isinstance(value, KeptRun):
        return journal.raw_events(project.layout.run(value.id)) == value.events
    try:
        return repository.read_content(project.layout, value.path) == value.content
    except UsageError:
        return False
