"""Backlog.md's tasks: one markdown file each, with a header and marked sections. Pure."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from runr.interchange.external_task import (
    Document,
    ExportedTask,
    ExternalStatus,
    ExternalTask,
    Record,
    file_stem,
)
from runr.interchange.record_fields import RecordFields, replace_surrogates
from runr.interchange.status_words import known_status, read_priority, read_status
from runr.status.model import State
from runr.tasks.document import split
from runr.tasks.fields import Header
from runr.tasks.model import Problem
from runr.text import one_line, slug

#: The folders of a backlog that hold work; drafts and the archive are neither done nor to do.
FOLDERS = ("tasks", "completed")

_NO_TASK = "not a task: it has no header with an `id`"
_MARK = re.compile(r"^<!-- (?:AC|DOD|SECTION:\w+):(?:BEGIN|END) -->\n?", re.MULTILINE)
_HANDLE = re.compile(r"(?<=[\[\s,])(@[\w.-]+)")
_PEOPLE = re.compile(r"^(?:assignee|reporter|labels):.*$", re.MULTILINE)
_VALUE = re.compile(
    r"((?:id|title|status|priority|milestone): +| *- +)(?![>|][-+0-9]* *$)(\S.*?)[ \t]*"
)
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""")
_NUMBER = re.compile(r"^(?P<prefix>\D*?)(?P<number>\d[\d.]*)$")
_FILE = re.compile(r"(?:^|/)(?P<id>[A-Za-z]+-\d+(?:\.\d+)*)(?: - [^/]*|)\.md$")


def read(documents: Sequence[Document]) -> tuple[Record, ...]:
    """Return what became of these files, which are in `tasks` or in `completed`."""
    found = [_read(document) for document in documents]
    ids = _spellings(row.id for row in found if isinstance(row, _File))
    return tuple(row if isinstance(row, Record) else _record(row, ids) for row in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file whose header could be read."""

    name: str
    id: str
    fields: RecordFields
    body: str


def _read(document: Document) -> _File | Record:
    match = _FILE.search(document.name)
    named = match["id"] if match else ""
    if document.unreadable:
        return Record.unreadable(document.name, document.unreadable, own=named)
    text = replace_surrogates(document.text)
    source = split(text.encode())
    wrong = next((problem for problem in source.problems if problem.severity == "error"), None)
    if wrong:
        return _unreadable(document, wrong, named)
    if source.header is None and not named:
        return Record.left_out(document.name, _NO_TASK)
    if source.header is None:
        return Record.unreadable(document.name, "there is no header with an `id`", own=named)
    header, repairs = _header(source.header, source.opened)
    if isinstance(header, Problem):
        return _unreadable(document, header, named)
    fields = RecordFields(header.values)
    fields.changes += repairs
    if text != document.text:
        fields.changes.append("bytes that are not UTF-8 are replaced by \ufffd")
    own = fields.text("id") or named
    if not own:
        return Record.left_out(document.name, _NO_TASK)
    if not fields.text("id"):
        fields.changes.append(f"no `id` that could be read: {own}, as the file is named")
    return _File(name=document.name, id=own, fields=fields, body=source.body)


def _unreadable(document: Document, problem: Problem, own: str) -> Record:
    place = f"{document.name}, line {problem.line}" if problem.line else document.name
    return Record.unreadable(place, problem.message, own=own)


def _header(text: str, opened: int) -> tuple[Header | Problem, list[str]]:
    """Return the header, and what had to be read otherwise than as YAML."""
    # Imports YAML, which nothing else that is imported here pays for.
    from runr.tasks.frontmatter import read as read_header  # noqa: PLC0415 - see above

    # Backlog.md itself quotes the names of people, which are no YAML without.
    text = _PEOPLE.sub(lambda line: _HANDLE.sub(r"'\1'", line[0]), text)
    changes: list[str] = []
    header = read_header(text, opened)
    while isinstance(header, Problem):
        quoted = _quoted(text.split("\n"), (header.line or 0) - opened - 1)
        if quoted == text:
            break
        changes.append(f"line {header.line} is not YAML: its text is taken as it is")
        text, header = quoted, read_header(quoted, opened)
    return header, changes


def _quoted(lines: list[str], index: int) -> str:
    """Return the header with quotes around the value on one line, where it is a text without."""
    found = _VALUE.fullmatch(lines[index]) if 0 <= index < len(lines) else None
    if found and not _QUOTED.fullmatch(found[2]):
        value = found[2].replace("'", "''")
        lines[index] = f"{found[1]}'{value}'"
    return "\n".join(lines)


def _record(file: _File, ids: Mapping[str, str]) -> Record:
    fields = file.fields
    title = one_line(fields.text("title") or file.id)
    body = _MARK.sub("", file.body).strip()
    if not fields.text("title"):
        fields.changes.append("no `title`: the id is taken")
        if not body:
            fields.holds.append("there is no title and no text")
    status, word = _status(file)
    parent = fields.text("parent_task_id")
    task = ExternalTask(
        id=file.id,
        stem=file_stem(file.id.lower(), title),
        title=title,
        body=body,
        status=status,
        raw_status=word,
        depends_on=tuple(_resolve(name, ids) for name in fields.references("dependencies")),
        parent=_resolve(parent, ids) if parent else None,
        priority=read_priority(fields),
        holds=tuple(fields.holds),
        tags=fields.names("labels"),
    )
    return Record.of_task(file.name, task, fields.changes)


def _status(file: _File) -> tuple[ExternalStatus, str]:
    """Return the status; a file in `completed` is done, whatever its header says."""
    if "/completed/" not in f"/{file.name}":
        return read_status(file.fields)
    word = file.fields.text("status")
    if known_status(word) is not ExternalStatus.DONE:
        file.fields.changes.append(f"status `{one_line(word)}`: done, as the file is in completed/")
        word = "completed"
    return ExternalStatus.DONE, word


def _spellings(ids: Iterable[str]) -> Mapping[str, str]:
    """Map every way in which people write an id to the id."""
    known = list(ids)
    return {_key(name): name for name in known} | {name.lower(): name for name in known}


def _resolve(name: str, ids: Mapping[str, str]) -> str:
    return ids.get(name.strip().lower()) or ids.get(_key(name)) or name


def _key(name: str) -> str:
    """Return what spellings of one id have in common: `task-7`, `TASK-007` and `7` are one."""
    found = _NUMBER.match(name.strip().lower())
    if found is None:
        return name.strip().lower()
    return ".".join(part.lstrip("0") or "0" for part in found["number"].split("."))


def write(tasks: Sequence[ExportedTask]) -> dict[str, str]:
    """Return the files of a backlog with these tasks, by their path in its folder."""
    ids = {known.path: f"task-{number}" for number, known in enumerate(tasks, start=1)}
    return dict(_file(known, ids) for known in tasks)


def _file(known: ExportedTask, ids: Mapping[str, str]) -> tuple[str, str]:
    own, needs = ids[known.path], [ids[path] for path in known.depends_on if path in ids]
    status = {State.COMPLETED: "Done", State.IN_PROGRESS: "In Progress"}
    priority = known.task.priority
    header = [
        f"id: {own}",
        f"title: {json.dumps(known.task.title, ensure_ascii=False)}",
        f"status: {status.get(known.entry.status, 'To Do')}",
        f"labels: {json.dumps(known.task.tags, ensure_ascii=False)}",
        f"dependencies: {json.dumps(needs)}",
        f"priority: {'medium' if not priority else 'high' if priority > 0 else 'low'}",
    ]
    notes = f"\n\n## Implementation Notes\n\n{known.evidence}" if known.done else ""
    text = "\n".join(["---", *header, "---", "", "## Description", "", f"{known.body}{notes}", ""])
    return f"tasks/{own} - {slug(known.task.title) or 'task'}.md", text
