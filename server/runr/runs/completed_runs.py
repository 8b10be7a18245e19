"""What was completed, reset and inferred in this clone, so that a listing does not read journals.

It is beside the key in the git directory, where no commit and no clone can put anything. It only
ever grows: what a run completed or reset never changes, also where its folder is gone. Of what was
inferred from the history, this is the only record.
"""

import json
import os
from collections.abc import Container, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

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
    sequence: int = 0
    reason: str | None = None
    override_reason: str | None = None


class ResetRecord(NamedTuple):
    """A completed reset of this clone: which run's completion of the task it took back.

    `of_sequence` is that of the completion, or of the reset where its run is not here. No
    commit up to `commit` counts any more.
    """

    run_id: str
    task: str
    of: str | None
    of_sequence: int
    by: str
    time: str
    commit: str | None


class Inferred(NamedTuple):
    """A completion that runr inferred in this clone, as it recorded it."""

    task: str
    run_id: str | None
    commit: str | None
    basis: str
    confidence: float
    completed_by: str
    verification: str
    task_sha256: str | None
    sequence: int


class ForeignRun(NamedTuple):
    """A run whose journal is of another clone, and what changes when the journal does."""

    run_id: str
    size: int
    changed_ns: int


_COMPLETED, _RESETS, _SUPPORTED = "completed", "resets", "supported"
_FOREIGN, _INFERRED = "foreign", "inferred"


def read(root: Path, wanted: Container[str]) -> Mapping[str, Completed]:
    """Return what is kept of the wanted runs, by their ids; nothing where it cannot be read."""
    rows = _rows(root, _COMPLETED, wanted) or []
    width = len(Completed._fields)
    return {row[0]: Completed._make(row) for row in rows if len(row) == width}


def add(root: Path, found: Iterable[Completed]) -> None:
    """Keep what was found; where nothing can be written, it is found again next time."""
    _append(root, _COMPLETED, found)


def read_foreign(root: Path, wanted: Container[str]) -> Mapping[str, ForeignRun]:
    """Return which of the wanted runs were found to be of another clone."""
    rows = _rows(root, _FOREIGN, wanted) or []
    return {row[0]: ForeignRun(*row) for row in rows if len(row) == len(ForeignRun._fields)}


def add_foreign(root: Path, found: Iterable[ForeignRun]) -> None:
    """Keep that runs are of another clone, as `add` does."""
    _append(root, _FOREIGN, found)


def read_inferred(root: Path) -> list[Inferred]:
    """Return what was inferred here; nothing where it cannot be read."""
    rows = _rows(root, _INFERRED) or []
    return [Inferred(*row) for row in rows if len(row) == len(Inferred._fields)]


def add_inferred(root: Path, made: Iterable[Inferred]) -> None:
    """Keep what was inferred, as `add` does."""
    _append(root, _INFERRED, made)


def read_resets(root: Path) -> list[ResetRecord] | None:
    """Return the resets that are kept; None where none were ever looked for."""
    rows = _rows(root, _RESETS)
    if rows is None:
        return None
    return [ResetRecord(*row) for row in rows if len(row) == len(ResetRecord._fields)]


def add_resets(root: Path, found: Iterable[ResetRecord]) -> None:
    """Keep the resets, also where there are none, so that they are not looked for again."""
    _append(root, _RESETS, found)


def resets_size(root: Path) -> int:
    """Return how many bytes the resets take, -1 where there are none: there are only ever more."""
    path = _path(root, _RESETS)
    with suppress(OSError):
        return path.stat().st_size if path else -1
    return -1


def is_supported(root: Path, mark: str) -> bool:
    """Tell whether all completions were found to be supported when the mark was the same."""
    path = _path(root, _SUPPORTED)
    with suppress(OSError):
        return path is not None and path.read_bytes() == mark.encode()
    return False


def keep_supported(root: Path, mark: str) -> None:
    """Keep that all completions are supported."""
    path = _path(root, _SUPPORTED)
    if path is None:
        return
    with suppress(OSError):
        own = path.with_name(f"{path.name}.{os.getpid()}")
        own.write_bytes(mark.encode())
        own.replace(path)


def _rows(root: Path, name: str, wanted: Container[str] | None = None) -> list[Any] | None:
    path = _path(root, name)
    try:
        lines = _lines(path, wanted) if path else None
    except OSError:
        return None
    if lines is None:
        return None
    try:
        # At once, which is much faster than line by line.
        return list(json.loads(b"[" + b",".join(lines) + b"]"))
    except ValueError:
        return list(_readable(lines))


def _lines(path: Path, wanted: Container[str] | None) -> list[bytes]:
    """Return the lines, or those of the wanted runs: of very many, only these are read."""
    lines = path.read_bytes().splitlines()
    if wanted is None:
        return [line for line in lines if line]
    # A line begins with the id of the run, in quotation marks.
    return [line for line in lines if line and line.split(b'"', 2)[1].decode() in wanted]


def _append(root: Path, name: str, found: Iterable[NamedTuple]) -> None:
    path, lines = _path(root, name), "".join(f"{json.dumps(each)}\n" for each in found)
    if path is None or (not lines and name != _RESETS):
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


def _path(root: Path, name: str) -> Path | None:
    common = folders.common_dir(root)
    return common / "runr" / "key" / name if common else None
