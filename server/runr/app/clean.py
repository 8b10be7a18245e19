"""Put away what ended runs left: worktrees, branches, old records; never the only copy."""

from collections.abc import Collection

from pydantic import Field

from runr.app.answers import Answer
from runr.app.broom import Broom, CleanRequest, KeptThing
from runr.app.project import Project
from runr.core.status import Entry
from runr.errors import UsageError
from runr.store import runlog, statusfile


class Cleaned(Answer):
    """What was removed, or would be, and what was kept."""

    removed: list[str] = Field(default_factory=list)
    kept: list[KeptThing] = Field(default_factory=list)
    dry_run: bool = False


def clean(project: Project, request: CleanRequest) -> Cleaned:
    """Remove what ended runs left and nobody misses; say of everything else why it stays."""
    if outer := project.environment.get("RUNR_RUN_ID"):
        raise UsageError(f"this is inside run {outer}: a run does not clean up after others")
    named = _named(_entries(project, dry_run=request.dry_run))
    broom = Broom(project, request, named)
    for run_id in runlog.ids(project.layout):
        broom.sweep(project.layout.run(run_id))
    broom.tell_strays()
    return Cleaned(removed=broom.removed, kept=broom.told(), dry_run=request.dry_run)


def _entries(project: Project, *, dry_run: bool) -> Collection[Entry]:
    found = statusfile.read(project.layout).tasks if dry_run else project.entries()
    return found.values()


def _named(entries: Collection[Entry]) -> set[str]:
    by = {(entry.completed_by or "").removeprefix("run:") for entry in entries}
    kept = {entry.accepted_run or "" for entry in entries}
    return by | kept | {entry.last_run_id or "" for entry in entries}
