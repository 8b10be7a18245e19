"""Beads' `issues.jsonl`: one issue on a line, with typed dependencies. Pure."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import AliasChoices, Field, ValidationError

from runr.interchange.external_task import (
    Document,
    ExportedTask,
    ExternalStatus,
    ExternalTask,
    SourceModel,
    parsed,
    referenced_ids,
    sections,
    wrong_type,
)
from runr.status.model import State
from runr.tasks.model import TaskType
from runr.text import one_line

#: Where the file lies in a repository; the second is where older versions kept it.
PLACES = (".beads/issues.jsonl", ".beads/beads.jsonl")

_CLAIMS = {
    "closed": ExternalStatus.DONE,
    "tombstone": ExternalStatus.DROPPED,
    "deferred": ExternalStatus.HELD,
    "pinned": ExternalStatus.HELD,
}
#: The dependencies that have to be done first; all others but the parent only say "see also".
_BLOCKING = ("blocks", "conditional-blocks", "waits-for")
_MIDDLE = 2
_WORD = {
    State.IN_PROGRESS: "in_progress",
    State.COMPLETED: "closed",
}


class _Link(SourceModel):
    target: str = Field(validation_alias=AliasChoices("depends_on_id", "id"))
    kind: str = Field(
        default="blocks", validation_alias=AliasChoices("type", "dep_type", "dependency_type")
    )


class _Comment(SourceModel):
    author: str = ""
    text: str = ""


class _Issue(SourceModel):
    id: str
    title: str = ""
    description: str | None = None
    design: str | None = None
    acceptance_criteria: str | None = None
    notes: str | None = None
    status: str = "open"
    priority: int = _MIDDLE
    issue_type: str = "task"
    labels: list[str] | None = None
    close_reason: str | None = None
    dependencies: list[_Link] | None = None
    comments: list[_Comment] | None = None


def is_one(value: Any) -> bool:
    """Tell whether a parsed line has the shape of an issue."""
    return isinstance(value, dict) and "id" in value and "status" in value and "number" not in value


def read(document: Document) -> tuple[ExternalTask, ...]:
    """Return all issues; records of other kinds, such as memories, are passed over."""
    return tuple(_incoming(issue) for issue in _issues(document))


def _issues(document: Document) -> Iterator[_Issue]:
    for place, value in _records(document):
        if isinstance(value, dict) and value.get("_type", "issue") != "issue":
            continue
        try:
            yield _Issue.model_validate(value)
        except ValidationError as error:
            raise wrong_type(document.name, place, error) from None


def _records(document: Document) -> Iterator[tuple[str, Any]]:
    if document.text.lstrip().startswith("["):
        # `bd list --json` prints one list.
        values = parsed(document.name, document.text)
        yield from ((f"[{index}]", value) for index, value in enumerate(values))
        return
    for number, line in enumerate(document.text.split("\n"), start=1):
        if line.strip():
            yield f"line {number}", parsed(document.name, line, line=number)


def _incoming(issue: _Issue) -> ExternalTask:
    title = one_line(issue.title or issue.id)
    links = issue.dependencies or []
    parents = [link.target for link in links if link.kind == "parent-child"]
    see = [link for link in links if link.kind not in (*_BLOCKING, "parent-child")]
    kind = issue.issue_type.lower()
    said = issue.status.lower()
    marks = [kind] if kind != "task" else []
    marks += [said] if said in ("blocked", "deferred", "pinned") else []
    return ExternalTask(
        id=issue.id,
        stem=referenced_ids(issue.id, title),
        title=title,
        body=_body(issue),
        claim=_CLAIMS.get(said, ExternalStatus.OPEN),
        said=said,
        closing=one_line(issue.close_reason) if issue.close_reason else "",
        depends_on=tuple(link.target for link in links if link.kind in _BLOCKING),
        parent=parents[0] if parents else None,
        related=tuple(f"{link.kind}: {link.target}" for link in see),
        # An epic holds others together: there is nothing in it for a worker to do.
        type=TaskType.MANUAL if kind == "epic" else TaskType.AUTOMATED,
        priority=_MIDDLE - issue.priority,
        tags=(*marks, *(issue.labels or ())),
    )


def _body(issue: _Issue) -> str:
    said = [f"**{one_line(c.author)}**: {c.text.strip()}" for c in issue.comments or ()]
    return sections(
        ("", issue.description),
        ("Design", issue.design),
        ("Acceptance criteria", issue.acceptance_criteria),
        ("Notes", issue.notes),
        ("Comments", "\n\n".join(said)),
    )


def write(tasks: Sequence[ExportedTask], *, now: str) -> str:
    """Return an `issues.jsonl` with these tasks; their names are the ids."""
    ids = {known.path: _id(known.path) for known in tasks}
    return "".join(_line(known, ids, now) for known in tasks)


def _id(path: str) -> str:
    return "runr-" + path.removeprefix(".runr/tasks/").removesuffix(".md").replace("/", "-")


def _line(known: ExportedTask, ids: dict[str, str], now: str) -> str:
    own, entry = ids[known.path], known.entry
    issue: dict[str, Any] = {
        "id": own,
        "title": known.task.title,
        "description": known.body,
        "status": _WORD.get(entry.status, "open"),
        "priority": min(max(_MIDDLE - known.task.priority, 0), 4),
        "issue_type": "task",
        "created_at": entry.updated_at or now,
        "updated_at": entry.updated_at or now,
    }
    if known.task.tags:
        issue["labels"] = list(known.task.tags)
    if known.done:
        issue |= {"closed_at": entry.completed_at or now, "close_reason": known.evidence}
    blocking = [
        {"issue_id": own, "depends_on_id": ids[path], "type": "blocks", "created_at": now}
        for path in known.depends_on
        if path in ids
    ]
    if blocking:
        issue["dependencies"] = blocking
    return json.dumps(issue, ensure_ascii=False) + "\n"
