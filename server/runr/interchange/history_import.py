"""Put the journals of an exported history back, each only where nothing is yet.

The file is untrusted. A journal that was not sealed by this clone stays what it is everywhere: a
record of another clone, which proves nothing.
"""

import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from runr import nofollow
from runr.errors import RunrError, UsageError
from runr.interchange import history_lines
from runr.interchange.archive_restore import create_file
from runr.interchange.history_lines import JOURNAL_LIMIT, LINE_LIMIT, VERSION, JournalLine
from runr.interchange.import_plan import Outcome
from runr.interchange.import_result import ImportedRecord
from runr.next_steps import commands
from runr.project import Project
from runr.storage import state_dir
from runr.storage.layout import RunFiles
from runr.text import one_line

_DIFFERS = "here already, and different"
#: The first line of such a file is not longer.
_HEADER = 1000


@dataclass(slots=True)
class _Journal:
    """The lines of one journal as they are read; `problem` is why it cannot be restored."""

    name: str
    place: str
    lines: list[bytes] = field(default_factory=list)
    settings: bytes | None = None
    size: int = 0
    problem: str = ""

    def add(self, line: JournalLine) -> None:
        self.size += len(line.content)
        if self.size > JOURNAL_LIMIT:
            self.problem = f"larger than {JOURNAL_LIMIT // 1024 // 1024} MiB"
        elif line.is_settings:
            self.settings = line.content
        else:
            self.lines.append(line.content)


def is_history(path: Path) -> bool:
    """Tell whether a file begins as an exported history does."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return history_lines.version_of(file.readline(_HEADER)) is not None
    except OSError:
        return False


def restore_history(
    project: Project, path: Path, shown: str, *, dry_run: bool
) -> list[ImportedRecord]:
    """Write the journals that are missing; what is here and different stays, and counts as failed.

    UsageError where a newer runr wrote the file.
    """
    with path.open("rb") as file:
        version = history_lines.version_of(file.readline(_HEADER)) or 0
        if version > VERSION:
            raise UsageError(
                f"{shown} was written by a newer runr (format {version}, this one reads "
                f"{VERSION}); nothing was imported",
                next_steps=[commands.upgrade()],
            )
        if not dry_run:
            state_dir.ensure_state_dir(project.layout)
        seen: set[str] = set()
        found = []
        for each in _journals(file, shown):
            if isinstance(each, ImportedRecord):
                found.append(each)
                continue
            if each.name in seen:
                each.problem = "in it twice, in two places"
            seen.add(each.name)
            found.append(_restored(project, each, dry_run=dry_run))
    return found


def _journals(file: BinaryIO, shown: str) -> Iterator[_Journal | ImportedRecord]:
    """Yield each journal when its last line was read, and an account of what is no line of any."""
    last: _Journal | None = None
    number, lost = 1, ""
    while raw := file.readline(LINE_LIMIT + 1):
        number += 1
        place = f"{shown}, line {number}"
        try:
            line = history_lines.decode(raw)
        except ValueError as error:
            reason = one_line(str(error))
            lost = f"line {number} could not be read: {reason}"
            # It may have been the next line of this journal, or the first of the one after it.
            if last is not None:
                last.problem = last.problem or lost
            yield ImportedRecord(place=place, outcome="failed", kind="row", reason=reason)
            _skip_rest(file, raw)
            continue
        if last is None or line.journal != last.name:
            if last is not None:
                yield last
            last = _Journal(line.journal, place, problem=lost)
        lost = ""
        last.add(line)
    if last is not None:
        yield last


def _skip_rest(file: BinaryIO, raw: bytes) -> None:
    """Go to the end of a line that was read in part."""
    while raw and not raw.endswith(b"\n"):
        raw = file.readline(LINE_LIMIT)


def _restored(project: Project, journal: _Journal, *, dry_run: bool) -> ImportedRecord:
    outcome: Outcome = "imported"
    reason = _problem(journal)
    if not reason:
        try:
            outcome, reason = _written(_run(project, journal), journal, dry_run=dry_run)
        except RunrError as error:
            reason = error.message
    return ImportedRecord(
        place=journal.place,
        outcome="failed" if reason else outcome,
        kind="run",
        title=journal.name,
        reason=reason,
    )


def _problem(journal: _Journal) -> str:
    """Return why a journal cannot be restored anywhere, if it cannot."""
    if journal.problem or not journal.lines:
        return journal.problem or "it has no line"
    settings = journal.settings
    if settings is not None and not history_lines.are_settings_of(settings, journal.lines[0]):
        return "its settings are not those that its first event names"
    return ""


def _run(project: Project, journal: _Journal) -> RunFiles:
    kind, _, name = journal.name.partition("/")
    return project.layout.run(name) if kind == "runs" else project.layout.job_run(name)


def _written(run: RunFiles, journal: _Journal, *, dry_run: bool) -> tuple[Outcome, str]:
    """Write what is missing, and return what became of it, with the reason where it failed."""
    wanted = {} if journal.settings is None else {run.config: journal.settings}
    # The journal last: with it, the run is here.
    wanted[run.timeline] = b"\n".join(journal.lines) + b"\n"
    there = {path: _content(path) for path in wanted}
    if there == wanted:
        return "present", ""
    others = {path for path, known in there.items() if known not in (None, wanted[path])}
    if others or there[run.timeline] is not None:
        return "failed", _DIFFERS
    if _is_taken(run, wanted):
        return "failed", "its folder is here already, with other files"
    for path, content in wanted.items():
        if there[path] is None and not dry_run and (reason := create_file(path, content)):
            return "failed", reason
    return "imported", ""


def _content(path: Path) -> bytes | None:
    try:
        return nofollow.read(path)
    except FileNotFoundError:
        return None


def _is_taken(run: RunFiles, wanted: dict[Path, bytes]) -> bool:
    """Tell whether the folder of the run has files that are not of this import."""
    try:
        return not set(nofollow.names(run.folder)) <= {path.name for path in wanted}
    except FileNotFoundError:
        return False
