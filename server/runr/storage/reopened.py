"""Notes of the journals that grow after their end: by a resume, a lifecycle hook, a landing.

Each is made before its journal grows, so that whoever has read many journals need not look at all
of them again. A note says how long the journal was, and so whether it has grown since.
"""

from collections.abc import Mapping
from typing import NamedTuple

from runr import nofollow
from runr.errors import DamagedStateError
from runr.storage import files
from runr.storage.layout import Layout, RunFiles


class Notes(NamedTuple):
    """How long each noted journal was when it was noted last, and where the notes end."""

    sizes: Mapping[str, int]
    end: int


def note(run: RunFiles) -> None:
    """Note durably that the journal of an ended run, or job run, is about to grow."""
    notes, size = Layout(run.root).reopened(run.folder.parent.name), nofollow.stat(run.timeline)
    with files.locked(notes.with_name(f"{notes.name}.lock")):
        files.append(notes, f"{run.id} {size.st_size}\n".encode())


def read(layout: Layout, folder: str, since: int) -> Notes | None:
    """Return the notes from a place on; None where they are not as runr writes them."""
    try:
        content = nofollow.read(layout.reopened(folder))
    except FileNotFoundError:
        content = b""
    except (OSError, DamagedStateError):
        return None
    # A line that is just being written is read the next time.
    last = content.rfind(b"\n") + 1
    if last < since:
        return None
    try:
        lines = (line.split(" ") for line in content[since:last].decode().splitlines())
        return Notes({name: int(size) for name, size in lines}, last)
    except ValueError:
        return None
