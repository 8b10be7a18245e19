"""Make the status file again from runs and git, and the cache from the task files."""

from runr import nofollow
from runr.evidence import rebuild as evidence_rebuild
from runr.maintenance import damaged_runs
from runr.next_steps.setup import after_rebuild
from runr.project import Project
from runr.query.models import CommandResult
from runr.status import store
from runr.status.model import Entry
from runr.status.store import DamagedStatusError
from runr.storage import sqlite_file


def rebuild(project: Project, *, dry_run: bool = False) -> CommandResult:
    """Rebuild the status file; entries without a record are kept unchanged.

    Runs whose journal is damaged are moved out of the record first.
    """
    if not dry_run:
        project.refuse_inside("a run does not change the records of others")
        for path in sqlite_file.with_logs(project.layout.database):
            nofollow.require_file(path)
    store.ensure_writable(project.layout)
    moved = damaged_runs.set_aside(project, dry_run=dry_run)
    changes: list[str] = []

    def change(entries: dict[str, Entry]) -> dict[str, Entry]:
        made = evidence_rebuild.entries(project.layout, entries, keep=not dry_run)
        merged = {task: _kept(entries.get(task), entry) for task, entry in made.items()}
        changes.extend(_difference(entries, merged))
        return entries if dry_run else merged

    if dry_run:
        try:
            change(dict(store.read(project.layout).tasks))
        except DamagedStatusError as damage:
            change(damage.salvaged)
    else:
        store.update(project.layout, change, repair=project.repair)
        sqlite_file.remove_logs(project.layout.database)
        nofollow.unlink(project.layout.database, missing_ok=True)
        project.tasks()
    verb = "would change" if dry_run else "changed"
    same = "No status changes." if moved else "Everything is as recorded."
    message = f"{_statuses(len(changes))} {verb}:" if changes else same
    steps = after_rebuild(dry_run=dry_run, changes=bool(changes or moved))
    return CommandResult(
        message=message, changed=changes, notes=moved, next_steps=project.surface.lines(steps)
    )


def _statuses(number: int) -> str:
    return "1 status" if number == 1 else f"{number} statuses"


def _kept(old: Entry | None, made: Entry) -> Entry:
    """Keep the old entry where the records say the same; counts of changes go on."""
    if old is None:
        return made
    made = made._replace(extra=old.extra, revision=old.revision + 1)
    recounted = old._replace(
        revision=made.revision,
        updated_at=made.updated_at,
        run_count=made.run_count,
        completed_at=made.completed_at,
    )
    return old if recounted == made else made


def _difference(old: dict[str, Entry], new: dict[str, Entry]) -> list[str]:
    lines = []
    for task in sorted(new):
        before, after = old.get(task), new[task]
        if before != after:
            was = before.status.value if before else "not recorded"
            lines.append(
                f"{task}: {was} → {after.status.value} ({after.evidence or 'no evidence'})"
            )
    return lines
