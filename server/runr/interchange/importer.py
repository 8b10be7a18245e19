"""Take over the tasks of another tool: a plan first, then files, then words for what was done."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict, Field

from runr.errors import UsageError
from runr.interchange import archive, backlog_md, beads, github, import_plan, sources, taskmaster
from runr.interchange.exporter import restore_archive
from runr.interchange.external_task import Document, ExternalTask
from runr.interchange.import_plan import Action, DonePolicy, ImportOptions, PlannedTask
from runr.interchange.sources import Tool
from runr.lifecycle.attest import record_attestation
from runr.project import Project
from runr.query.models import Result
from runr.runs import stop_reasons
from runr.runs.model import Approval
from runr.storage import files, state_dir
from runr.storage.layout import TASKS
from runr.text import join_limited

# How many taken names a message lists.
_NAMED = 3


class ImportRequest(BaseModel):
    """A wish to import; `file` is a file, or a folder in which a known tool keeps its tasks.

    `done` says what becomes of a task that is done there: `attest` records it
    on the word of `by`, `pending` leaves it to be done, `skip` leaves it out.
    `only` names lists of a Task Master file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    tool: Tool | None = None
    into: str = ""
    tags: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    done: DonePolicy = "attest"
    by: str | None = None
    dry_run: bool = False


class ImportedTask(Result):
    """What became, or would become, of one foreign task."""

    source: str
    title: str
    action: Action
    path: str | None = None
    said: str = ""
    completed: bool = False
    depends_on: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


class ImportResult(Result):
    """The whole import; `by` is who vouches for what is done there."""

    tool: Tool
    file: str
    dry_run: bool
    tasks: list[ImportedTask]
    written: int
    completed: int
    by: str | None = None
    notes: list[str] = Field(default_factory=list)
    next: list[str] = Field(default_factory=list)


def import_tasks(project: Project, request: ImportRequest) -> ImportResult:
    """Import, or with `dry_run` only say what would be; all or nothing where a name is taken."""
    found = sources.source_documents(project.here / request.file, request.file, request.tool)
    tool = request.tool or sources.detect(found[0])
    if tool == "runr":
        return _from_runr(project, request, found[0])
    rows = _plan(project, request, tool, _read(tool, found, request.only))
    done = _to_attest(project, rows, request)
    by = _by(project, request) if done else None
    if not request.dry_run:
        _refuse_taken(request, rows)
        _write(project, rows)
        _attest(project, request, done, by)
    return _answer(request, tool, rows, done, by)


def _from_runr(project: Project, request: ImportRequest, document: Document) -> ImportResult:
    if request.into or request.tags or request.only or request.done != "attest" or request.by:
        raise UsageError(
            "what runr exported goes back as it was: only --dry-run has a meaning here"
        )
    table = document.text.startswith(archive.CSV_HEADER)
    kept = archive.read_csv(document) if table else archive.read(document)
    new = restore_archive(project, kept, request.file, dry_run=request.dry_run)
    would = "would be " if request.dry_run else ""
    return ImportResult(
        tool="runr",
        file=request.file,
        dry_run=request.dry_run,
        tasks=[
            ImportedTask(
                source=task.path,
                title=task.path.removeprefix(f"{TASKS}/"),
                action="write" if task.path in new["tasks"] else "known",
                path=task.path,
            )
            for task in kept.tasks
        ],
        written=len(new["tasks"]),
        completed=0,
        notes=[f"{len(new['status'])} statuses and {len(new['runs'])} runs {would}written"],
        next=["runr list-tasks"],
    )


def _read(tool: Tool, found: Sequence[Document], only: Sequence[str]) -> tuple[ExternalTask, ...]:
    if only and tool != "taskmaster":
        raise UsageError("only a Task Master file has lists to choose from")
    match tool:
        case "taskmaster":
            return taskmaster.read(found[0], only=only)
        case "beads":
            return beads.read(found[0])
        case "github":
            return github.read(found[0])
        case _:
            return backlog_md.read(found)


def _plan(
    project: Project, request: ImportRequest, tool: Tool, tasks: Sequence[ExternalTask]
) -> tuple[PlannedTask, ...]:
    into = _folder(project, request.into)
    here = project.tasks()
    below = f"{into}/" if into else ""
    known = {task.source: task.name for task in here if task.source and task.name.startswith(below)}
    options = ImportOptions(tool=tool, into=into, tags=request.tags, done=request.done)
    return import_plan.plan_import(tasks, options, known, {task.name for task in here})


def _folder(project: Project, wanted: str) -> str:
    """Return the folder below the tasks folder; UsageError for one that leads elsewhere."""
    if not wanted:
        return ""
    folder = PurePosixPath(wanted.removeprefix(f"{TASKS}/"))
    hidden = any(part.startswith(".") for part in folder.parts)
    tasks = project.layout.tasks
    inside = (tasks / folder).resolve().is_relative_to(tasks.resolve())
    if hidden or not inside or not wanted.isprintable() or folder.suffix == ".md":
        raise UsageError(f"{wanted!r} is no name for a folder in {TASKS}")
    return folder.as_posix()


def _refuse_taken(request: ImportRequest, rows: Sequence[PlannedTask]) -> None:
    taken = [row.name for row in rows if row.action == "taken"]
    if not taken:
        return
    are = "is" if len(taken) == 1 else "are"
    raise UsageError(
        f"{join_limited(taken, _NAMED)} {are} there already, and no import wrote it; "
        "nothing was imported",
        next_steps=[f"runr import {stop_reasons.quoted(request.file)} --into imported"],
    )


def _write(project: Project, rows: Sequence[PlannedTask]) -> None:
    fresh = [row for row in rows if row.action == "write"]
    tasks = project.layout.tasks
    for row in fresh:
        path = tasks / row.name
        if not path.parent.resolve().is_relative_to(tasks.resolve()):
            raise UsageError(f"{row.name} would lie outside of {TASKS}; nothing was imported")
    if fresh:
        state_dir.ensure_state_dir(project.layout)
    for row in fresh:
        files.create(tasks / row.name, row.content)


def _to_attest(
    project: Project, rows: Sequence[PlannedTask], request: ImportRequest
) -> dict[str, PlannedTask]:
    """Return what is done there and not recorded here in any way, by path."""
    if request.done != "attest" or not any(row.done for row in rows):
        return {}
    entries = project.entries()
    paths = {f"{TASKS}/{row.name}": row for row in rows if row.done}
    return {path: row for path, row in paths.items() if path not in entries}


def _by(project: Project, request: ImportRequest) -> str:
    by = request.by or project.repo.user()
    if not by:
        raise UsageError(
            "some tasks are done there, and a person has to say so here: "
            "name yourself with --by, or take them as open with --done pending"
        )
    return by


def _attest(
    project: Project, request: ImportRequest, done: dict[str, PlannedTask], by: str | None
) -> None:
    if not done or by is None:
        return
    tasks = {task.path: task for task in project.tasks()}
    for path, row in done.items():
        why = f": {row.task.closing}" if row.task.closing else ""
        reason = f"marked {row.task.said} in {request.file}{why}"
        record_attestation(project, tasks[path], Approval(by=by, reason=reason))


def _answer(
    request: ImportRequest,
    tool: Tool,
    rows: Sequence[PlannedTask],
    done: dict[str, PlannedTask],
    by: str | None,
) -> ImportResult:
    message = [_row(row, f"{TASKS}/{row.name}" in done) for row in rows]
    return ImportResult(
        tool=tool,
        file=request.file,
        dry_run=request.dry_run,
        tasks=message,
        written=sum(row.action == "write" for row in rows),
        completed=len(done),
        by=by,
        next=["runr list-tasks"],
    )


def _row(row: PlannedTask, completed: bool) -> ImportedTask:
    return ImportedTask(
        source=row.source,
        title=row.task.title,
        action=row.action,
        path=f"{TASKS}/{row.name}" if row.name else None,
        said=row.task.said,
        completed=completed,
        depends_on=list(row.depends_on),
        notes=list(row.notes),
    )
