"""Backlog.md's tasks: one markdown file each, with a header and marked sections."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from pydantic import ValidationError, field_validator

from runr.core.incoming import Claim, Document, Foreign, Incoming, bad, named, one_line, slug, unfit
from runr.core.outgoing import Outgoing
from runr.core.source import split
from runr.core.status import State
from runr.core.task import Problem

#: The folders of a backlog that hold work; drafts and the archive are neither done nor to do.
FOLDERS = ("tasks", "completed")

_CLAIMS = {
    "done": Claim.DONE,
    "complete": Claim.DONE,
    "completed": Claim.DONE,
    "closed": Claim.DONE,
    "draft": Claim.HELD,
    "on hold": Claim.HELD,
    "in review": Claim.HELD,
    "cancelled": Claim.DROPPED,
    "canceled": Claim.DROPPED,
    "won't do": Claim.DROPPED,
}
_PRIORITY = {"critical": 2, "high": 1, "medium": 0, "low": -1}
_MARK = re.compile(r"^<!-- (?:AC|DOD|SECTION:\w+):(?:BEGIN|END) -->\n?", re.MULTILINE)
_HANDLE = re.compile(r"(?<=[\[\s,])(@[\w.-]+)")
_PEOPLE = re.compile(r"^(?:assignee|reporter):.*$", re.MULTILINE)
_NUMBER = re.compile(r"^(?P<prefix>\D*?)(?P<number>\d[\d.]*)$")


class _Header(Foreign):
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


def read(documents: Sequence[Document]) -> tuple[Incoming, ...]:
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
        raise bad(document.name, "line 1", "there is no header with an `id`")
    # Imports YAML, which nothing else that is imported here pays for.
    from runr.core.header import read as header  # noqa: PLC0415 - see above

    # Backlog.md itself quotes the names of people, which are no YAML without.
    text = _PEOPLE.sub(lambda line: _HANDLE.sub(r"'\1'", line[0]), source.header)
    known = header(text, source.opened)
    if isinstance(known, Problem):
        raise _refused(document.name, known)
    try:
        return _Header.model_validate(dict(known.values)), source.body
    except ValidationError as error:
        raise unfit(document.name, "header", error) from None


def _refused(name: str, problem: Problem) -> Exception:
    return bad(name, f"line {problem.line}" if problem.line else "", problem.message)


def _incoming(document: Document, header: _Header, body: str, ids: Mapping[str, str]) -> Incoming:
    title = one_line(header.title or header.id)
    said = header.status.lower() or "to do"
    done = "/completed/" in f"/{document.name}"
    return Incoming(
        id=header.id,
        stem=named(header.id.lower(), title),
        title=title,
        body=_MARK.sub("", body).strip(),
        claim=Claim.DONE if done else _CLAIMS.get(said, Claim.OPEN),
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


def write(tasks: Sequence[Outgoing]) -> dict[str, str]:
    """Return the files of a backlog with these tasks, by their path in its folder."""
    ids = {known.path: f"task-{number}" for number, known in enumerate(tasks, start=1)}
    return dict(_file(known, ids) for known in tasks)


def _file(known: Outgoing, ids: Mapping[str, str]) -> tuple[str, str]:
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
