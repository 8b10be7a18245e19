"""Hand everything on: losslessly for another runr, or the tasks alone for another tool."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from runr import nofollow
from runr.errors import RunrError, UsageError
from runr.interchange import archive, backlog_md, beads, taskmaster
from runr.interchange.archive import Archive, KeptRun, KeptTask
from runr.interchange.external_task import ExportedTask
from runr.project import Project
from runr.query.graph import Graph
from runr.query.models import CommandResult
from runr.runs import journal
from runr.status import store
from runr.status.model import UNTOUCHED, Entry
from runr.storage import files, state_dir
from runr.tasks import parser, repository
from runr.tasks.model import Task
from runr.text import join_limited

ExportFormat = Literal["json", "csv", "taskmaster", "beads", "backlog"]


class ExportRequest(BaseModel):
    """A wish to export; Backlog.md's tasks are a folder of files, all others one text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: ExportFormat = "json"
    output: str | None = None
    force: bool = False


def export_tasks(project: Project, request: ExportRequest) -> str | CommandResult:
    """Return the export, or write it to `output` and say so."""
    if request.format == "backlog":
        return _folder(project, request)
    text = _text(project, request.format)
    if request.output is None:
        return text
    path = project.here / request.output
    _refuse_overwriting(path, request)
    files.replace(path, text.encode())
    return CommandResult(message=f"wrote {request.output}")


def _text(project: Project, wanted: ExportFormat) -> str:
    if wanted == "taskmaster":
        return taskmaster.write(exported_tasks(project))
    if wanted == "beads":
        return beads.write(exported_tasks(project), now=project.now())
    kept = build_archive(project)
    if wanted == "csv":
        return archive.render_csv(kept, {task.path: task.title for task in project.tasks()})
    return archive.render(kept)


def _folder(project: Project, request: ExportRequest) -> CommandResult:
    if request.output is None:
        raise UsageError(
            "Backlog.md keeps a file for each task: name a folder",
            next_steps=["runr export --format backlog --output backlog"],
        )
    written = backlog_md.write(exported_tasks(project))
    folder = project.here / request.output
    for name in written:
        _refuse_overwriting(folder / name, request)
    for name, text in written.items():
        files.replace(folder / name, text.encode())
    return CommandResult(message=f"wrote {len(written)} files in {request.output}")


def _refuse_overwriting(path: Path, request: ExportRequest) -> None:
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file")
    if path.exists() and not request.force:
        raise UsageError(f"{path} is there already; --force writes it anew")


def build_archive(project: Project) -> Archive:
    """Return all task files, statuses and histories."""
    status = project.entries()
    kept = []
    for task in project.tasks():
        try:
            content = repository.read_content(project.layout, task.path)
        except UsageError as error:
            project.warn(f"left out: {error.message}")
            continue
        kept.append(KeptTask.of(task.path, content))
    runs = []
    for own in journal.ids(project.layout):
        events = journal.raw_events(project.layout.run(own))
        if events:
            runs.append(KeptRun(id=own, events=events))
    return Archive(tasks=tuple(kept), status=dict(sorted(status.items())), runs=tuple(runs))


def exported_tasks(project: Project) -> list[ExportedTask]:
    """Return the tasks as another tool is told of them, each behind what it waits for."""
    tasks, entries = project.tasks(), project.entries()
    graph = Graph.of(tasks)
    return [
        ExportedTask(
            task=task,
            entry=entries.get(task.path, UNTOUCHED),
            body=_body(project, task),
            depends_on=graph.edges[task.path].paths,
        )
        for task in tasks
        if task.error is None
    ]


def _body(project: Project, task: Task) -> str:
    """Return the text without the heading that is its title."""
    text = parser.body(repository.read_content(project.layout, task.path))
    first, _, rest = text.partition("\n")
    return rest.strip("\n") if first.strip("# \t") == task.title else text


_NAMED = 3


def restore_archive(
    project: Project, kept: Archive, name: str, *, dry_run: bool
) -> dict[str, list[str]]:
    """Write what is missing and return it by kind; refuse if anything is here but different."""
    layout = project.layout
    entries = project.entries()
    tasks = [task for task in kept.tasks if not _same_task(project, task.path, task.content)]
    runs = [run for run in kept.runs if not _same_run(project, run)]
    status = {path: entry for path, entry in kept.status.items() if entries.get(path) != entry}
    differs = [task.path for task in tasks if (layout.root / task.path).exists()]
    differs += [f"run {run.id}" for run in runs if nofollow.exists(layout.run(run.id).timeline)]
    differs += [f"the status of {path}" for path in status if path in entries]
    _refuse(name, differs)
    if not dry_run:
        state_dir.ensure_state_dir(layout)
        for task in tasks:
            _refuse_outside(project, task.path)
            files.create(layout.root / task.path, task.content)
        for run in runs:
            files.create(layout.run(run.id).timeline, _timeline(run))
        if status:
            store.update(layout, lambda now: _joined(now, status), repair=project.repair)
    return {
        "tasks": [task.path for task in tasks],
        "status": list(status),
        "runs": [run.id for run in runs],
    }


def _same_task(project: Project, path: str, content: bytes) -> bool:
    try:
        return repository.read_content(project.layout, path) == content
    except RunrError:
        return False


def _same_run(project: Project, run: KeptRun) -> bool:
    return journal.raw_events(project.layout.run(run.id)) == run.events


def _joined(now: dict[str, Entry], status: Mapping[str, Entry]) -> dict[str, Entry]:
    return now | {path: entry for path, entry in status.items() if path not in now}


def _timeline(run: KeptRun) -> bytes:
    lines = [json.dumps(event, ensure_ascii=False, separators=(",", ":")) for event in run.events]
    return "".join(f"{line}\n" for line in lines).encode()


def _refuse(name: str, differs: Sequence[str]) -> None:
    if differs:
        raise UsageError(
            f"{join_limited(differs, _NAMED)}: here already, and not as in {name}; "
            "nothing was imported"
        )


def _refuse_outside(project: Project, path: str) -> None:
    folder = (project.layout.root / path).parent
    if not folder.resolve().is_relative_to(project.layout.root.resolve()):
        raise UsageError(f"{path} would lie outside of the repository")
