"""Set runs aside whose journal cannot be read: they prove nothing, and no byte of them is lost."""

import os
from collections.abc import Collection, Iterator
from typing import NamedTuple

from runr import nofollow
from runr.errors import RunrError
from runr.project import Project
from runr.runs import journal
from runr.storage import files
from runr.storage.layout import RunFiles


class DamagedRun(NamedTuple):
    """A run whose journal cannot be read, and why."""

    run: RunFiles
    why: str


def find(project: Project, among: Collection[str] | None = None) -> Iterator[DamagedRun]:
    """Yield the runs whose journal cannot be read, of all or of those `among` the ids."""
    for run_id in journal.ids(project.layout, among):
        run = project.layout.run(run_id)
        try:
            journal.folded(run)
        except RunrError as error:
            yield DamagedRun(run, error.message.removeprefix(f"{run.timeline} is damaged: "))


def set_aside(project: Project, *, dry_run: bool) -> list[str]:
    """Move damaged runs out of the record; return one line for each.

    One whose process is alive stays.
    """
    lines = []
    for run, why in list(find(project)):
        lock = files.hold(run.lock)
        if lock is None:
            lines.append(f"run {run.id} is damaged ({why}), and stays while its process runs")
            continue
        try:
            target = _free_name(project, run.id)
            if not dry_run:
                nofollow.move(run.folder, target.folder)
        finally:
            os.close(lock)
        place = target.folder.relative_to(project.layout.root)
        verb = "would be moved" if dry_run else "moved"
        lines.append(f"run {run.id} is damaged ({why}): {verb} to {place}, it proves nothing now")
    return lines


def _free_name(project: Project, run_id: str) -> RunFiles:
    name, number = run_id, 1
    while nofollow.exists(project.layout.damaged_runs / name):
        number += 1
        name = f"{run_id}.{number}"
    return RunFiles(project.layout.damaged_runs / name, project.layout.root)
