"""The merge driver of the status file: git hands over three versions and takes one back."""

from pathlib import Path

from runr.core import statusmerge
from runr.core.status import Entry
from runr.errors import DamagedStateError
from runr.store import files, statusfile
from runr.store.statusfile import Contents, DamagedStatusError


def merge_status(base: Path, ours: Path, theirs: Path) -> None:
    """Write into `ours` what both sides say; DamagedStateError where a newer runr wrote one.

    Of a damaged side there is what still reads well.
    """
    whole = [_read(path) for path in (base, ours, theirs)]
    if any(contents.read_only for contents in whole):
        raise DamagedStateError(
            "one side of the status file was written by a newer runr, so it is not merged here",
            next_steps=["uv tool upgrade runr"],
        )
    entries: list[dict[str, Entry]] = [contents.tasks for contents in whole]
    extra = [contents.model_extra or {} for contents in whole]
    merged = Contents(tasks=statusmerge.tasks(*entries), **statusmerge.others(*extra))
    files.replace(ours, statusfile.render(merged))


def _read(path: Path) -> Contents:
    data = path.read_bytes()
    if not data.strip():
        return Contents()  # the file is new on both sides
    try:
        return statusfile.parse(data, path)
    except DamagedStatusError as damage:
        return Contents(tasks=damage.salvaged)
