"""Hand everything on: losslessly for another runr, or the tasks alone for another tool."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from runr.errors import UsageError
from runr.interchange import archive, backlog_md, beads, history_export, taskmaster
from runr.interchange.archive import Archive, KeptRun, KeptTask
from runr.interchange.external_task import ExportedTask
from runr.next_steps import commands
from runr.project import Project
from runr.query.models import CommandResult
from runr.query.snapshot import Snapshot
from runr.runs import journal
from runr.status.model import Entry, State
from runr.storage import files
from runr.tasks import parser, repository
from runr.tasks.model import Task

ExportFormat = Literal["json", "csv", "history", "taskmaster", "beads", "backlog"]


class ExportRequest(BaseModel):
    """Arguments of an export; Backlog.md's tasks are a folder of files, all others one text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: ExportFormat = "json"
    output: str | None = None
    force: bool = False


def export_tasks(project: Project, request: ExportRequest) -> str | Iterator[bytes] | CommandResult:
    """Return the export, a long one in pieces, or write it to `output` and say so."""
    if request.format == "backlog":
        return _folder(project, request)
    if request.format == "history":
        pieces = history_export.read_history(project)
        if request.output is None:
            return pieces
        return write(project, pieces, request.output, force=request.force)
    text = _text(project, request.format)
    if request.output is None:
        return text
    return write(project, text, request.output, force=request.force)


def write(
    project: Project, content: str | Iterable[bytes], output: str, *, force: bool
) -> CommandResult:
    """Write a file for the user; an existing one only with `force`."""
    path = project.here / output
    _require_folder(path, output)
    _refuse_overwriting(path, force=force)
    files.replace(path, content.encode() if isinstance(content, str) else content)
    return CommandResult(message=f"wrote {output}")


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
            next_steps=[commands.export("--format", "backlog", "--output", "backlog")],
        )
    written = backlog_md.write(exported_tasks(project))
    folder = project.here / request.output
    _require_folder(folder, request.output)
    for name in written:
        _refuse_overwriting(folder / name, force=request.force)
    for name, text in written.items():
        files.replace(folder / name, text.encode())
    return CommandResult(message=f"wrote {len(written)} files in {request.output}")


def _require_folder(path: Path, output: str) -> None:
    """Refuse a path in a folder that does not exist: it may be mistyped."""
    above = path.parent
    if not above.exists():
        raise UsageError(
            f"cannot write {output}: the folder {above} does not exist",
            next_steps=[commands.program("mkdir", "-p", str(above))],
        )
    if not above.is_dir():
        raise UsageError(f"cannot write {output}: {above} is not a folder")


def _refuse_overwriting(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file")
    if path.exists() and not force:
        raise UsageError(f"{path} exists already; --force overwrites it")


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
    """Return the tasks for another tool, each behind its dependencies."""
    snapshot = Snapshot.of(project)
    return [
        ExportedTask(
            task=task,
            entry=_entry(snapshot, task),
            body=_body(project, task),
            depends_on=snapshot.graph.edges[task.path].paths,
        )
        for task in snapshot.tasks
        if task.error is None
    ]


def _entry(snapshot: Snapshot, task: Task) -> Entry:
    """Return what is recorded; a completion whose work is not on this branch is not done."""
    state = snapshot.state_of(task)
    return state.entry._replace(status=State.PENDING) if state.unmerged else state.entry


def _body(project: Project, task: Task) -> str:
    """Return the text without the heading that is its title."""
    text = parser.body(repository.read_content(project.layout, task.path))
    first, _, rest = text.partition("\n")
    return rest.strip("\n") if first.strip("# \t") == task.title else text
