"""How far the journals of this clone go: what is left of one without its end is a whole chain.

The end is noted beside the key, where no commit and no clone can put anything, after the line
itself is on the disk: a note may be older than its journal, and never newer.
"""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from runr.git import folders
from runr.runs import chain, clone_key
from runr.storage.layout import Layout, RunFiles

# Of one length, so that a note is replaced by one write.
_FORM = re.compile(rb"([0-9]{10}) ([0-9a-f]{16}:[0-9a-f]{32})\n")


class End(NamedTuple):
    """How many lines a journal had, and the seal of the last one."""

    lines: int
    seal: bytes


def note(run: RunFiles, lines: int, last: bytes) -> None:
    """Note that the journal has as many lines; where nothing can be written, it is not noted."""
    path, seal = _path(run), chain.split(last)[1]
    if path is None or not seal:
        return
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, b"%010d %s\n" % (lines, seal))
        finally:
            os.close(handle)


def read(run: RunFiles) -> End | None:
    """Return the end that was noted; read it before the journal, which may grow meanwhile."""
    path = _path(run)
    with suppress(OSError):
        found = _FORM.fullmatch(path.read_bytes()) if path else None
        return End(int(found[1]), found[2]) if found else None
    return None


def forget(run: RunFiles) -> None:
    """Remove the note, with the record of the run."""
    path = _path(run)
    with suppress(OSError):
        if path is not None:
            path.unlink()


def explain_missing(lines: Sequence[bytes], end: End | None) -> str | None:
    """Return why these are not all lines of the journal; None where they are, or none is left."""
    if end is None or not lines:
        return None
    if len(lines) < end.lines:
        return f"it ends with line {len(lines)}, and runr wrote {end.lines} lines"
    if chain.split(lines[end.lines - 1])[1] != end.seal:
        return f"line {end.lines} is not as runr wrote it"
    return None


def _path(run: RunFiles) -> Path | None:
    layout, kept = Layout(run.root), run.folder.parent
    # That of a recheck is in a temporary folder, and gone with it.
    common = folders.common_dir(run.root) if kept in (layout.runs, layout.job_runs) else None
    return clone_key.folder(common) / "ends" / kept.name / run.id if common else None
