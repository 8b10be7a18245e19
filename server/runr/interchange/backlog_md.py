"""Backlog.md's tasks: one markdown file each, with a header and marked sections. Pure."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from pydantic import ValidationError, field_validator

from runr.interchange.external_task import (
    Document,
    ExportedTask,
    ExternalStatus,
    ExternalTask,
    SourceModel,
    invalid_source,
    referenced_ids,
    wrong_type,
)
from runr.status.model import State
from runr.tasks.document import split
from runr.tasks.model import Problem
from runr.text import one_line, slug

#: The folders of a backlog that hold work; drafts and the archive are neither done nor to do.
FOLDERS = ("tasks", "completed")

_CLAIMS = {
    "done": ExternalStatus.DONE,
    "complete": ExternalStatus.DONE,
    "completed": ExternalStatus.DONE,
    "closed": ExternalStatus.DONE,
    "draft": ExternalStatus.HELD,
    "on hold": ExternalStatus.HELD,
    "in review": ExternalStatus.HELD,
    "cancelled": ExternalStatus.DROPPED,
    "canceled": ExternalStatus.DROPPED,
    "won't do": ExternalStatus.DROPPED,
}
_PRIORITY = {"critical": 2, "high": 1, "medium": 0, "low": -1}
_MARK = re.compile(r"^<!-- (?:AC|DOD|SECTION:\w+):(?:BEGIN|END) -->\n?", re.MULTILINE)
_HANDLE = re.compile(r"(?<=[\[\s,])(@[\w.-]+)")
_PEOPLE = re.compile(r"^(?:assignee|reporter):.*$", re.MULTILINE)
_NUMBER = re.compile(r"^(?P<prefix>\D*?)(?P<number>\d[\d.]*)$")


class _Header(SourceModel):
    id: str
    title: str = ""
    status: str = "To Do"
    labels: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    priority: str = ""
    parent_task_id: str | None = None

    @field_validator("labels", "dependencies", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return () if value is None else [value] if isinstance(value, str) else value

    @field_validator("priority", "title", "status", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        return "" if value is None else value


def read(documents: Sequence[Document]) -> tuple[ExternalTask, ...]:
    """Return the tasks in these files, which lie in `tasks` or in `completed`."""
    found = [(document, *_parts(document)) for document in documents]
    ids = _spellings(header.id for _, header, _ in found)
    return tuple(_incoming(document, header, body, ids) for document, header, body in found)


def _parts(document: Document) -> tuple[_Header, str]:
    source = split(document.text.encode("utf-8", "surrogateescape"))
    wrong = next((problem for problem in source.problems if problem.severity == "error"), None)
    if wrong:
        raise _refused(document.name, wrong)
    if source.header is None:
        raise invalid_source(document.name, "line 1", "there is no header with an `id`")
    # Imports YAML, which nothing else that is imported here pays for.
    from runr.tasks.frontmatter import read as header  # noqa: PLC0415 - see above

    # Backlog.md itself quotes the names of people, which are no YAML without.
    text = _PEOPLE.sub(lambda line: _HANDLE.sub(r"'\1'", line[0]), source.header)
    known = header(text, source.opened)
    if isinstance(known, Problem):
        raise _refused(document.name, known)
    try:
        return _Header.model_validate(dict(known.values)), source.body
    except ValidationError as error:
        raise wrong_type(document.name, "header", error) from None


def _refused(name: str, problem: Problem) -> Exception:
    return invalid_source(name, f"line {problem.line}" if problem.line else "", problem.message)


def _incoming(
    document: Document, header: _Header, body: str, ids: Mapping[str, str]
) -> ExternalTask:
    title = one_line(header.title or header.id)
    said = header.status.lower() or "to do"
    done = "/completed/" in f"/{document.name}"
    return ExternalTask(
        id=header.id,
        stem=referenced_ids(header.id.lower(), title),
        title=title,
        body=_MARK.sub("", body).strip(),
        claim=ExternalStatus.DONE if done else _CLAIMS.get(said, ExternalStatus.OPEN),
        said=said,
        depends_on=tuple(_meant(name, ids) for name in header.dependencies),
        parent=_meant(header.parent_task_id, ids) if header.parent_task_id else None,
        priority=_PRIORITY.get(header.priority.lower(), 0),
        tags=header.labels,
    )


def _spellings(ids: Iterable[str]) -> Mapping[str, str]:
    """Map every way in which people write an id to the id."""
    known = list(ids)
    return {_key(name): name for name in known} | {name.lower(): name for name in known}


def _meant(name: str, ids: Mapping[str, str]) -> str:
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
