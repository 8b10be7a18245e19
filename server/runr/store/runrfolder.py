"""The `.runr` folder itself, which keeps its own records out of git."""

from runr.errors import RunrError
from runr.store import configfile, files
from runr.store.layout import Layout

IGNORE = """\
# Written by runr. Its records stay on this machine, this file too; commit
# trailers carry the shared history.
*
!config.toml
!tasks/
!tasks/**
!templates/
!templates/**
"""


#: Where the status is shared, its file is in git, and so is this one.
SHARED = """\
# Written by runr. The records of runs stay on this machine; the status file is
# shared, and merged task by task.
*
!.gitignore
!config.toml
!task-status.json
!tasks/
!tasks/**
!templates/
!templates/**
"""


def share(layout: Layout) -> bool:
    """Let git see the status file; tell whether it wrote."""
    try:
        old = layout.ignore.read_text(encoding="utf-8")
    except FileNotFoundError:
        old = IGNORE
    if "!task-status.json" in old.splitlines():
        return False
    new = SHARED if old == IGNORE else f"{old.rstrip()}\n!.gitignore\n!task-status.json\n"
    files.replace(layout.ignore, new.encode())
    return True


def ensure(layout: Layout) -> bool:
    """Make the folder and its `.gitignore` where they are missing; tell whether it wrote."""
    if layout.ignore.exists():
        return False
    files.replace(layout.ignore, (SHARED if is_shared(layout) else IGNORE).encode())
    return True


def is_shared(layout: Layout) -> bool:
    """Tell whether the settings put the status file into git."""
    try:
        return configfile.read(layout).status.tracking == "shared"
    except RunrError:
        return False
