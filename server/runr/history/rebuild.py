"""Make everything again that follows from runs, commits and task files: the history last."""

from dataclasses import replace

from runr import nofollow
from runr.history import database, index
from runr.maintenance import rebuild as maintenance_rebuild
from runr.project import Project
from runr.query.models import CommandResult
from runr.storage import sqlite_file


def rebuild(project: Project, *, dry_run: bool = False) -> CommandResult:
    """Rebuild the status file, the cache and the history; that of a newer runr is left as it is.

    DamagedStateError where the file of the history cannot be used.
    """
    if dry_run:
        return maintenance_rebuild.rebuild(project, dry_run=True)
    layout = project.layout
    for path in sqlite_file.with_logs(layout.history):
        nofollow.require_file(path)
    answer = maintenance_rebuild.rebuild(project)
    version = database.version_of(layout)
    if version.is_newer:
        shown = layout.history.relative_to(layout.root)
        note = f"{shown} was left as it is: a newer runr wrote it (schema {version.found})"
        return replace(answer, notes=[*answer.notes, note])
    lock = database.damage_lock(layout)
    if not sqlite_file.remove(layout.history, lock, sqlite_file.inode(layout.history)):
        raise database.unusable(layout, "it cannot be removed")
    index.ask_file(project, lambda _: None)
    return answer
