"""Commands that import tasks from other tools and export them."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

import click

from runr.cli import console, streams
from runr.cli.answers import document
from runr.cli.app import Invocation, command
from runr.cli.console import Choice, style
from runr.errors import ExitCode, UsageError
from runr.interchange import exporter, importer
from runr.interchange.exporter import ExportFormat, ExportRequest
from runr.interchange.import_plan import DonePolicy
from runr.interchange.import_result import ImportedRecord, ImportRequest, ImportResult
from runr.interchange.sources import TITLES, Tool
from runr.next_steps import imports
from runr.query.models import CommandResult
from runr.storage.layout import TASKS
from runr.text import join_limited, pad, pluralize

if TYPE_CHECKING:
    from runr.project import Project

# How many dependencies a line lists.
_NAMED = 2
_MARKS = {
    "imported": ("+", "green"),
    "changed": ("~", "green"),
    "present": ("=", None),
    "left_out": ("-", None),
    "failed": ("!", "red"),
}


def render_import(answer: ImportResult) -> str:
    """Return an account of each record, those that failed last, and the sum of them."""
    labels = {index: _label(record) for index, record in enumerate(answer.records)}
    named = [labels[index] for index, record in enumerate(answer.records) if record.path]
    width = console.column_width(named) if named else 0
    lines = [f"{TITLES[answer.tool]}, {answer.file}:"]
    for index in sorted(labels, key=lambda index: answer.records[index].outcome == "failed"):
        lines += _account(answer.records[index], labels[index], width)
    lines.append(_sum(answer))
    lines += [f"{style('note', fg='yellow')}: {note}" for note in answer.notes]
    return "\n".join([*lines, *console.render_next_steps(answer.next_steps)])


def _account(record: ImportedRecord, label: str, width: int) -> list[str]:
    mark, colour = _MARKS[record.outcome]
    remarks, changes = _remarks(record), record.changes
    if len(changes) == 1 and not remarks:
        remarks, changes = changes, []
    label = pad(label, width) if record.path else label
    line = f"  {style(mark, fg=colour)} {'  '.join([label, *remarks])}".rstrip()
    return [line, *(f"      {change}" for change in changes)]


def _label(record: ImportedRecord) -> str:
    if record.outcome == "failed":
        return record.place
    if record.path:
        return record.path.removeprefix(f"{TASKS}/")
    if record.kind != "task":
        return f"{record.kind} {record.title}".strip()
    return f"{record.source or record.place} {record.title}".strip()


def _remarks(record: ImportedRecord) -> list[str]:
    if record.outcome == "failed":
        return [record.reason]
    if record.outcome == "left_out":
        return [f"left out: {record.reason}"]
    before = "here already" if record.outcome == "present" else ""
    done = "attested" if record.attested else ""
    after = f"after {join_limited(record.depends_on, _NAMED)}" if record.depends_on else ""
    return [part for part in (before, done, after) if part]


def _sum(answer: ImportResult) -> str:
    if not answer.records:
        return "There is nothing to import."
    would, counts = "would be " if answer.dry_run else "", answer.counts
    parts = [f"{answer.written} {would}imported"]
    parts[0] += f", {counts['changed']} of them with changes" if counts["changed"] else ""
    parts += [f"{counts['present']} here already"] if counts["present"] else []
    parts += [f"{counts['left_out']} left out"] if counts["left_out"] else []
    parts += [f"{counts['failed']} could not be imported"] if counts["failed"] else []
    if answer.attested_count:
        parts.append(
            f"{answer.attested_count} {would}attested by {answer.attested_by}, not verified"
        )
    return f"{pluralize(answer.record_count, 'record')}: {'; '.join(parts)}."


@command("import")
@click.argument("file", metavar="FILE|FOLDER")
@click.option(
    "--from", "tool", type=Choice(get_args(Tool)), help="Source tool; detected automatically."
)
@click.option(
    "--into", default="", metavar="FOLDER", help="Import into this folder of .runr/tasks."
)
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Add this tag to every task; repeatable."
)
@click.option(
    "--list",
    "only",
    multiple=True,
    metavar="TAG",
    help="Import only this list of a Task Master file.",
)
@click.option(
    "--done",
    type=Choice(get_args(DonePolicy)),
    help="Tasks done in the source: hold (default), attest, leave pending, or skip them.",
)
@click.option("--by", metavar="NAME", help="Person who attests the tasks that are done there.")
@click.option(
    "--dry-run", "--preview", is_flag=True, help="Show what would be written, without writing it."
)
@click.option("--yes", "-y", is_flag=True, help="Write without asking.")
def import_(
    invocation: Invocation,
    *,
    yes: bool,
    dry_run: bool,
    done: DonePolicy | None,
    **arguments: object,
) -> int:
    """Import tasks from another tool.

    Reads Task Master, Beads, Backlog.md, GitHub issues and runr archives.
    """
    project = invocation.project()
    request = ImportRequest.model_validate(
        {**arguments, "done": done or "hold", "dry_run": dry_run}
    )
    if not (yes or dry_run):
        if not sys.stdin.isatty() or invocation.as_json:
            importer.import_tasks(project, request.model_copy(update={"dry_run": True}))
            raise _unconfirmed(project, request)
        request = _ask(invocation, project, request, ask_done=done in (None, "attest"))
    answer = importer.import_tasks(project, request)
    invocation.show(answer, render_import)
    return ExitCode.FAILED if answer.counts["failed"] else ExitCode.DONE


def _unconfirmed(project: "Project", request: ImportRequest) -> UsageError:
    """Return the error for an import that has no terminal to ask at."""
    steps = imports.unconfirmed(request.typed)
    return UsageError(
        "without a terminal, an import needs --yes, or --preview to show it first",
        next_steps=list(map(project.surface.line, steps)),
    )


def _ask(
    invocation: Invocation, project: "Project", request: ImportRequest, *, ask_done: bool
) -> ImportRequest:
    """Show the preview, and ask whether to write it and whether to attest what is done there."""
    by = request.by or project.repo.user()
    preview = request.model_copy(update={"dry_run": True, "by": by})
    planned = importer.import_tasks(project, preview)
    invocation.show(replace(planned, next_steps=[]), render_import)
    if planned.written:
        click.confirm(f"Import {pluralize(planned.written, 'record')}?", abort=True)
    number = planned.unattested_count + planned.attested_count
    if not number or not ask_done or (request.by and request.done == "attest"):
        return request
    tasks = pluralize(number, "task") + (" that is" if number == 1 else " that are")
    question = f"Attest {tasks} done in {TITLES[planned.tool]}, in the name of {by}?"
    if by and click.confirm(question):
        return request.model_copy(update={"done": "attest", "by": by})
    return request.model_copy(update={"done": "hold"})


@command("export")
@click.option(
    "--format",
    "format",
    type=Choice(get_args(ExportFormat)),
    default="json",
    help="Output format.",
)
@click.option("--output", metavar="FILE", help="Write to FILE; a directory for the format backlog.")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def export(invocation: Invocation, **arguments: object) -> None:
    """Export tasks, statuses and history.

    The format history has the journals of all runs and job runs, as JSON Lines. Others than
    json, csv and history export the tasks for another tool.
    """
    answer = exporter.export_tasks(invocation.project(), ExportRequest.model_validate(arguments))
    if isinstance(answer, str) and invocation.as_json:
        click.echo(document("export", {"format": arguments["format"], "content": answer}))
    elif isinstance(answer, str):
        # Not `show`: an export must be byte for byte the same, whatever the terminal's encoding.
        streams.write_bytes(answer.encode())
    elif isinstance(answer, CommandResult):
        invocation.show(answer, console.render_result)
    elif invocation.as_json:
        content = b"".join(answer).decode()
        click.echo(document("export", {"format": arguments["format"], "content": content}))
    else:
        for piece in answer:
            streams.write_bytes(piece)
