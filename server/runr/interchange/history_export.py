"""Write all journals of runs and job runs into one file."""

from collections.abc import Iterator
from pathlib import Path

from runr import nofollow
from runr.errors import DamagedStateError
from runr.interchange import history_lines
from runr.interchange.history_lines import JournalLine
from runr.project import Project
from runr.redaction import redact
from runr.storage import files
from runr.storage.layout import RunFiles


def read_history(project: Project) -> Iterator[bytes]:
    """Yield the lines of the file, runs first; what cannot be read is left out with a warning."""
    yield history_lines.header()
    layout = project.layout
    for kind, folder, find in (
        ("runs", layout.runs, layout.run),
        ("job-runs", layout.job_runs, layout.job_run),
    ):
        for name in _names(folder):
            try:
                yield from map(history_lines.encode, _lines(f"{kind}/{name}", find(name)))
            except (DamagedStateError, OSError) as error:
                project.warn(f"left out: {kind}/{name}: {error}")


def _names(folder: Path) -> list[str]:
    try:
        return sorted(name for name in nofollow.names(folder) if not name.startswith("."))
    except FileNotFoundError:
        return []


def _lines(journal: str, run: RunFiles) -> list[JournalLine]:
    lines = files.lines(run.timeline)
    settings = _settings(run, lines[0]) if lines else None
    found = [JournalLine(journal, line) for line in lines]
    return found if settings is None else [JournalLine(journal, settings, True), *found]


def _settings(run: RunFiles, first_line: bytes) -> bytes | None:
    """Return the settings that the run was held to; None where they may hold a secret."""
    try:
        content = nofollow.read(run.config)
        text = content.decode()
    except (OSError, DamagedStateError, UnicodeDecodeError):
        return None
    own = history_lines.are_settings_of(content, first_line)
    return content if own and redact(text) == text else None
