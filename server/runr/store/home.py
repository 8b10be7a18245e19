"""Whose `.runr` counts in a linked worktree: one repository, one record."""

from pathlib import Path

from runr.store.layout import Layout


def choose(tree: Path, main: Path | None) -> Layout:
    """Return where the record of a working tree lies.

    That is the main working tree, unless the worktree has begun a record of its
    own, or the main tree knows nothing of runr.
    """
    own = Layout(tree)
    if main is None or own.status.exists() or own.runs.exists():
        return own
    shared = Layout(main)
    return shared if shared.runr.is_dir() else own
