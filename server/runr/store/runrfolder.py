"""The `.runr` folder itself, which keeps its own records out of git."""

from runr.store import files
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


def ensure(layout: Layout) -> bool:
    """Make the folder and its `.gitignore` where they are missing; tell whether it wrote."""
    if layout.ignore.exists():
        return False
    files.replace(layout.ignore, IGNORE.encode())
    return True
