"""Hand everything on: losslessly for another runr, or the tasks alone for another tool."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from runr.app.answers import Done
from runr.app.project import Project
from runr.core import archive, archivecsv, backlogmd, beads, taskfile, taskmaster
from runr.core.archive import Archive, KeptRun, KeptTask
from runr.core.graph import Graph
from runr.core.outgoing import Outgoing
from runr.core.status import UNTOUCHED
from runr.core.task import Task
from runr.errors import UsageError
from runr.store import files, runlog, taskfiles

ExportFormat = Literal["json", "csv", "taskmaster", "beads", "backlog"]


class ExportRequest(BaseModel):
    """A wish to export; Backlog.md's tasks are a folder of files, all others one text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: ExportFormat = "json"
    output: str | None = None
    force: bool = False


def export(project: Project, request: ExportRequest) -> str | Done:
    """Return the export, or write it to `output` and say so."""
    if request.format == "backlog":
        return _folder(project, request)
    text = _text(project, request.format)
    if request.output is None:
        return text
    path = project.here / request.output
    _refuse_overwriting(path, request)
    files.replace(path, text.encode())
    return Done(message=f"wrote {request.output}")


def _text(project: Project, wanted: ExportFormat) -> str:
    if wanted == "taskmaster":
        return taskmaster.write(outgoing(project))
    if wanted == "beads":
        return beads.write(outgoing(project), now=project.now())
    kept = pack(project)
    if wanted == "csv":
        return archivecsv.render(kept, {task.path: task.title for task in project.tasks()})
    return archive.render(kept)


def _folder(project: Project, request: ExportRequest) -> Done:
    if request.output is None:
        raise UsageError(
            "Backlog.md keeps a file for each task: name a folder",
            next_steps=["runr export --format backlog --output backlog"],
        )
    written = backlogmd.write(outgoing(project))
    folder = project.here / request.output
    for name in written:
        _refuse_overwriting(folder / name, request)
    for name, text in written.items():
        files.replace(folder / name, text.encode())
    return Done(message=f"wrote {len(written)} files in {request.output}")


def _refuse_overwriting(path: Path, request: ExportRequest) -> None:
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file")
    if path.exists() and not request.force:
        raise UsageError(f"{path} is there already; --force writes it anew")


def pack(project: Project) -> Archive:
    """Return all task files, statuses and histories."""
    status = project.entries()
    kept = []
    for task in project.tasks():
        try:
            content = taskfiles.read_content(project.layout, task.path)
        except UsageError as error:
            project.warn(f"left out: {error.message}")
            continue
        kept.append(KeptTask.of(task.path, content))
    runs = []
    for own in runlog.ids(project.layout):
        events = runlog.raw_events(project.layout.run(own))
        if events:
            runs.append(KeptRun(id=own, events=events))
    return Archive(tasks=tuple(kept), status=dict(sorted(status.items())), runs=tuple(runs))


def outgoing(project: Project) -> list[Outgoing]:
    """Return the tasks as another tool is told of them, each behind what it waits for."""
    tasks, entries = project.tasks(), project.entries()
    graph = Graph.of(tasks)
    return [
        Outgoing(
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
    text = taskfile.body(taskfiles.read_content(project.layout, task.path))
    first, _, rest = text.partition("\n")
    return rest.strip("\n") if first.strip("# \t") == task.title else text
