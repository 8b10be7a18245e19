"""Take over the tasks of another tool: a plan first, then files, then attestations."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from runr import nofollow
from runr.errors import DamagedStateError, RunrError, UsageError
from runr.interchange import archive_reader, history_import, sources
from runr.interchange.archive_restore import Restored, create_file, restore_archive
from runr.interchange.external_task import Record
from runr.interchange.import_plan import ImportOptions, PlannedRecord, plan_import
from runr.interchange.import_result import ImportedRecord, ImportRequest, ImportResult, count
from runr.interchange.source_choice import choose
from runr.interchange.sources import TITLES, Source
from runr.interchange.task_file import path_of
from runr.lifecycle.attest import record_attestation
from runr.lifecycle.statements import build_attestation, channel_of
from runr.next_steps import imports
from runr.next_steps.imports import ImportFacts
from runr.next_steps.step import Line
from runr.project import Project
from runr.runs.model import Approval
from runr.storage import state_dir
from runr.storage.layout import TASKS
from runr.text import one_line, pluralize


def import_tasks(project: Project, request: ImportRequest) -> ImportResult:
    """Import, or with `dry_run` only say what would be; every record is accounted for."""
    project.refuse_inside("only a person imports tasks and what is done of them")
    if request.by is not None:
        request = request.model_copy(update={"by": _confirmed(project, request, request.by)})
    if request.tool in (None, "runr") and history_import.is_history(project.here / request.file):
        return _restore_history(project, request)
    into = _folder(project, request.into)
    found = sources.find_sources(project.here / request.file, request.file, request.tool)
    if found[0].tool == "runr":
        return _restore(project, request, found[0])
    source, records, notes = choose(request, found)
    rows = plan_import(records, _options(project, request, source, into, records))
    attests = request.done == "attest"
    done = _unrecorded(project, rows)
    if attests and done and not request.by:
        raise _nameless(project, request, len(done))
    if not request.dry_run:
        rows = _write(project, rows)
        lost = {f"{TASKS}/{row.name}" for row in rows if row.outcome == "failed"}
        done = {path: row for path, row in done.items() if path not in lost}
        notes += _attest(project, request, done) if attests else []
    attested = done if attests else {}
    accounts = [_account(row, attested=f"{TASKS}/{row.name}" in attested) for row in rows]
    facts = _situation(project, source, rows, 0 if attests else len(done))
    notes += _notes(project, request, facts)
    advise = imports.after_preview if request.dry_run else imports.after_import
    steps = project.surface.lines(advise(request.typed, facts))
    return _answer(request, source, accounts, facts, notes=notes, next_steps=steps)


def _restore(project: Project, request: ImportRequest, source: Source) -> ImportResult:
    """Put back what runr exported."""
    _refuse_changes(request)
    records = archive_reader.read(source.documents[0])
    rows = [_restored(row) for row in restore_archive(project, records, dry_run=request.dry_run)]
    return _restored_all(project, request, rows)


def _restore_history(project: Project, request: ImportRequest) -> ImportResult:
    """Put back the journals that runr exported."""
    _refuse_changes(request)
    path = project.here / request.file
    rows = history_import.restore_history(project, path, request.file, dry_run=request.dry_run)
    return _restored_all(project, request, rows)


def _refuse_changes(request: ImportRequest) -> None:
    if request.into or request.tags or request.only or request.done != "hold" or request.by:
        raise UsageError(
            "what runr exported goes back as it was: only --preview has a meaning here"
        )


def _restored_all(
    project: Project, request: ImportRequest, rows: list[ImportedRecord]
) -> ImportResult:
    steps = imports.after_restore(request.typed, dry_run=request.dry_run)
    return ImportResult(
        tool="runr",
        file=request.file,
        dry_run=request.dry_run,
        records=rows,
        record_count=len(rows),
        counts=count(rows),
        next_steps=project.surface.lines(steps),
    )


def _restored(row: Restored) -> ImportedRecord:
    record, name = row.record, one_line(row.record.name) if row.record.name else ""
    return ImportedRecord(
        place=record.place,
        outcome=row.outcome,
        kind=record.kind,
        title=name.removeprefix(f"{TASKS}/"),
        path=name if record.kind == "task" and record.value else None,
        reason=row.reason,
    )


def _options(
    project: Project,
    request: ImportRequest,
    source: Source,
    into: str,
    records: Sequence[Record],
) -> ImportOptions:
    here = project.tasks()
    below = f"{into}/" if into else ""
    known = {task.source: task.name for task in here if task.source and task.name.startswith(below)}
    tasks = [record.task for record in records if record.task]
    folders = {path_of(task, into).rpartition("/")[0] for task in tasks}
    return ImportOptions(
        tool=source.tool,
        title=TITLES[source.tool],
        into=into,
        tags=request.tags,
        done=request.done,
        known=known,
        taken=frozenset(task.name for task in here),
        links=frozenset(folder for folder in folders if _is_link(project, folder)),
    )


def _is_link(project: Project, folder: str) -> bool:
    try:
        nofollow.refuse_links(project.layout.tasks / folder)
    except DamagedStateError:
        return True
    return False


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


def _write(project: Project, rows: Sequence[PlannedRecord]) -> tuple[PlannedRecord, ...]:
    """Write the files; a row that could not be written says why."""
    if any(row.writes for row in rows):
        state_dir.ensure_state_dir(project.layout)
    written = []
    for row in rows:
        reason = create_file(project.layout.tasks / row.name, row.content) if row.writes else ""
        written.append(replace(row, outcome="failed", reason=reason) if reason else row)
    return tuple(written)


def _unrecorded(project: Project, rows: Sequence[PlannedRecord]) -> dict[str, PlannedRecord]:
    """Return what is done there and not recorded here in any way, by path."""
    paths = {f"{TASKS}/{row.name}": row for row in rows if row.done}
    entries = project.entries() if paths else {}
    return {path: row for path, row in paths.items() if path not in entries}


def _nameless(project: Project, request: ImportRequest, number: int) -> UsageError:
    confirmed = "--preview" if request.dry_run else "--yes"
    named = imports.attest(request.typed, project.repo.user() or "")
    return UsageError(
        f"{pluralize(number, 'task')} would be attested: name with --by the person who says "
        "that they are done",
        next_steps=[named.step(confirmed)],
    )


def _confirmed(project: Project, request: ImportRequest, by: str) -> str:
    """Return the name of the person; UsageError where what they would attest is only relayed."""
    if request.done != "attest":
        return project.person(by)
    again = imports.attest(request.typed, by).step("--preview" if request.dry_run else "--yes")
    return build_attestation(project, "", by, [again]).by


def _attest(project: Project, request: ImportRequest, done: dict[str, PlannedRecord]) -> list[str]:
    """Record that these tasks are done, in the name of `by`; return what could not be."""
    tasks = {task.path: task for task in project.tasks()}
    failed = []
    said_over = channel_of(project)
    for path, row in list(done.items()):
        task = row.task
        if task is None or request.by is None:
            continue
        why = f": {one_line(task.close_reason)}" if task.close_reason else ""
        reason = f"marked {one_line(task.raw_status)} in {request.file}{why}"
        try:
            record_attestation(project, tasks[path], Approval(request.by, reason, said_over))
        except RunrError as error:
            del done[path]
            failed.append(f"{row.name} is not attested: {error.message}")
    return failed


def _answer(
    request: ImportRequest,
    source: Source,
    records: list[ImportedRecord],
    facts: ImportFacts,
    *,
    notes: list[str],
    next_steps: list[Line],
) -> ImportResult:
    attested = sum(record.attested for record in records)
    return ImportResult(
        tool=source.tool,
        file=request.file,
        dry_run=request.dry_run,
        records=records,
        record_count=len(records),
        counts=count(records),
        attested_count=attested,
        unattested_count=facts.unattested,
        attested_by=request.by if attested else None,
        notes=notes,
        next_steps=next_steps,
    )


def _situation(
    project: Project, source: Source, rows: Sequence[PlannedRecord], unattested: int
) -> ImportFacts:
    layout = project.layout
    written = sum(row.writes for row in rows)
    message = f"Import {pluralize(written, 'task')} from {TITLES[source.tool]}"
    return ImportFacts(
        title=TITLES[source.tool],
        written=written,
        unattested=unattested,
        user=(project.repo.user() if unattested else None) or "",
        has_settings=layout.config.exists() or layout.old_config.exists(),
        files=project.commit_facts([".runr"], message) if written else None,
    )


def _has_checks(project: Project) -> bool:
    try:
        verify = project.config().verify
    except RunrError:  # every command that needs the settings reports it
        return True
    return bool(verify.tier0 or verify.tier1 or verify.tier2)


def _notes(project: Project, request: ImportRequest, facts: ImportFacts) -> list[str]:
    """Return what a person should know beside the commands."""
    found = []
    if facts.unattested and request.done == "hold":
        one = facts.unattested == 1
        found.append(
            f"{pluralize(facts.unattested, 'task')} {'is' if one else 'are'} done in "
            f"{facts.title}; runr checked nothing of that, so {'it is' if one else 'they are'} "
            "on hold until a person attests it"
        )
    if facts.written and not request.dry_run:
        found.append(
            "add checks for each task to its header (`verify:`)"
            if _has_checks(project)
            else "no checks are set: add them to the tasks' headers (`verify:`) or to [verify] in "
            ".runr/config.toml, as a run is verified by nothing else"
        )
    return found


def _account(row: PlannedRecord, *, attested: bool) -> ImportedRecord:
    task = row.task or row.record.task
    title = task.title if task else row.record.title
    return ImportedRecord(
        place=row.record.place,
        outcome=row.outcome,
        source=row.source,
        title=title,
        path=f"{TASKS}/{row.name}" if row.name else None,
        status=one_line(task.raw_status) if task and task.raw_status else "",
        on_hold=bool(row.holds),
        attested=attested,
        depends_on=list(row.depends_on),
        changes=list(row.changes),
        reason=row.reason,
    )
