"""What the runs of this clone completed, kept so that a listing does not read their journals.

It is beside the key in the git directory, where no commit and no clone can put anything. It only
ever grows: what a run completed never changes.
"""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from runr.git import folders


class Completed(NamedTuple):
    """What the run says of its task, as the status file has it."""

    run_id: str
    task: str
    evidence: str
    completed_by: str
    checkpoint_sha: str | None
    task_sha256: str | None
    verification: str


def read(root: Path) -> Mapping[str, Completed]:
    """Return what is kept, by the ids of the runs; nothing where it cannot be read."""
    path = _path(root)
    try:
        lines = [line for line in path.read_bytes().splitlines() if line] if path else []
    except OSError:
        return {}
    try:
        # At once, which is much faster than line by line.
        rows = json.loads(b"[" + b",".join(lines) + b"]")
    except ValueError:
        rows = list(_readable(lines))
    return {row[0]: Completed(*row) for row in rows if len(row) == len(Completed._fields)}


def add(root: Path, found: Iterable[Completed]) -> None:
    """Keep what was found; where nothing can be written, it is found again next time."""
    path, lines = _path(root), "".join(f"{json.dumps(each)}\n" for each in found)
    if path is None or not lines:
        return
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            # A torn line of a killed process does not spoil the next one.
            os.write(handle, b"\n" + lines.encode())
        finally:
            os.close(handle)


def _readable(lines: Iterable[bytes]) -> Iterable[list[str]]:
    for line in lines:
        with suppress(ValueError):
            yield json.loads(line)


def _path(root: Path) -> Path | None:
    common = folders.common_dir(root)
    return common / "runr" / "key" / "completed" if common else None
