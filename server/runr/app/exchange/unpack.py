"""Put an export of runr back: files, statuses and histories, each only where nothing is yet."""

import json
from collections.abc import Mapping, Sequence

from runr.app.project import Project
from runr.core import enumeration
from runr.core.archive import Archive, KeptRun
from runr.core.status import Entry
from runr.errors import RunrError, UsageError
from runr.store import files, runlog, runrfolder, statusfile, taskfiles

_NAMED = 3


def unpack(project: Project, kept: Archive, name: str, *, dry_run: bool) -> dict[str, list[str]]:
    """Write what is missing and return it by kind; refuse if anything is here but different."""
    layout = project.layout
    entries = project.entries()
    tasks = [task for task in kept.tasks if not _same_task(project, task.path, task.content)]
    runs = [run for run in kept.runs if not _same_run(project, run)]
    status = {path: entry for path, entry in kept.status.items() if entries.get(path) != entry}
    differs = [task.path for task in tasks if (layout.root / task.path).exists()]
    differs += [f"run {run.id}" for run in runs if layout.run(run.id).timeline.exists()]
    differs += [f"the status of {path}" for path in status if path in entries]
    _refuse(name, differs)
    if not dry_run:
        runrfolder.ensure(layout)
        for task in tasks:
            _refuse_outside(project, task.path)
            files.create(layout.root / task.path, task.content)
        for run in runs:
            files.create(layout.run(run.id).timeline, _timeline(run))
        if status:
            statusfile.update(layout, lambda now: _joined(now, status), repair=project.repair)
    return {
        "tasks": [task.path for task in tasks],
        "status": list(status),
        "runs": [run.id for run in runs],
    }


def _same_task(project: Project, path: str, content: bytes) -> bool:
    try:
        return taskfiles.read_content(project.layout, path) == content
    except RunrError:
        return False


def _same_run(project: Project, run: KeptRun) -> bool:
    return runlog.raw_events(project.layout.run(run.id)) == run.events


def _joined(now: dict[str, Entry], status: Mapping[str, Entry]) -> dict[str, Entry]:
    return now | {path: entry for path, entry in status.items() if path not in now}


def _timeline(run: KeptRun) -> bytes:
    lines = [json.dumps(event, ensure_ascii=False, separators=(",", ":")) for event in run.events]
    return "".join(f"{line}\n" for line in lines).encode()


def _refuse(name: str, differs: Sequence[str]) -> None:
    if differs:
        raise UsageError(
            f"{enumeration.brief(differs, _NAMED)}: here already, and not as in {name}; "
            "nothing was imported"
        )


def _refuse_outside(project: Project, path: str) -> None:
    folder = (project.layout.root / path).parent
    if not folder.resolve().is_relative_to(project.layout.root.resolve()):
        raise UsageError(f"{path} would lie outside of the repository")
