"""The `.runr` folder itself, which keeps its own records out of git."""

from runr.store import files
from runr.store.layout import Layout

IGNORE = """\
# Records of runs stay on this machine; commit trailers carry the shared history.
*
!.gitignore
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
