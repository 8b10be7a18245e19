"""Beads' `issues.jsonl`: one issue on a line, with typed dependencies. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from runr.interchange.external_task import (
    Document,
    ExportedTask,
    ExternalTask,
    Record,
    file_stem,
    sections,
)
from runr.interchange.record_fields import InvalidJsonError, RecordFields, describe, parse_json
from runr.interchange.status_words import read_status
from runr.status.model import State
from runr.tasks.model import short_name
from runr.text import escape_controls, one_line

#: Where the file is in a repository; the second is where older versions kept it.
PLACES = (".beads/issues.jsonl", ".beads/beads.jsonl")

#: The dependencies that have to be done first; all others but the parent only say "see also".
_BLOCKING = ("blocks", "conditional-blocks", "waits-for")
_PARENT = "parent-child"

#: Types of work that a worker can do; any other holds tasks together, waits for something, or is
#: a type of the project's own.
_WORK = ("task", "bug", "feature", "chore", "docs", "spike", "story", "enhancement")
#: What Beads keeps in the same file, and is no work.
_NO_WORK = ("message", "event", "agent", "role", "rig")
_MARKERS = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")

_PRIORITIES = "01234"
_MIDDLE = 2
_WORD = {
    State.IN_PROGRESS: "in_progress",
    State.COMPLETED: "closed",
}


def is_one(value: Any) -> bool:
    """Tell whether a parsed line has the shape of an issue."""
    return isinstance(value, dict) and "id" in value and "status" in value and "number" not in value


def read(document: Document) -> tuple[Record, ...]:
    """Return what became of each line that is not blank, or of each item of a list."""
    pairs = [(_record(place, value), value) for place, value in _values(document)]
    return tuple(_without_older(pairs))


def _values(document: Document) -> Iterator[tuple[str, Any]]:
    """Yield each record with its place; a Record where there is no JSON."""
    if not document.text.strip():
        return
    try:
        # `bd list --json` prints one list.
        value = parse_json(document.text)
    except InvalidJsonError as error:
        found = list(_lines(document))
        if not any(isinstance(value, dict) for _, value in found):
            place = ", ".join(filter(None, (document.name, error.place)))
            found = [(place, Record.unreadable(place, error.reason))]
        yield from found
        return
    values = value if isinstance(value, list) else [value]
    yield from ((f"{document.name}, [{index}]", item) for index, item in enumerate(values))


def _lines(document: Document) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(document.text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{document.name}, line {number}"
        if line.startswith(_MARKERS):
            reason = "a conflict marker of git: resolve the merge"
            yield place, Record.unreadable(place, reason)
            continue
        try:
            yield place, parse_json(line, line=number)
        except InvalidJsonError as error:
            yield place, Record.unreadable(f"{document.name}, {error.place}", error.reason)


def _record(place: str, value: Any) -> Record:
    if isinstance(value, Record):
        return value
    if not isinstance(value, dict):
        return Record.unreadable(place, f"{describe(value)} where an issue is wanted")
    fields = RecordFields(value)
    own, title = fields.text("id"), one_line(fields.text("title") or fields.text("id"))
    kind = fields.text("_type") or "issue"
    if kind != "issue":
        return Record.left_out(place, f"a record of type `{one_line(kind)}`, no issue")
    if not own:
        return Record.unreadable(place, "there is no `id` that could be read")
    if reason := _no_work(fields):
        return Record.left_out(place, reason, own=own, title=title)
    task = _task(fields, own, title)
    return Record.of_task(place, task, fields.changes)


def _no_work(fields: RecordFields) -> str:
    """Return why the issue is no work to import; nothing for one that is."""
    kind = fields.text("issue_type").lower()
    if kind in _NO_WORK:
        return f"type `{kind}` is no work"
    marks = {"is_template": "a template", "ephemeral": "ephemeral", "wisp": "ephemeral"}
    return next((why for name, why in marks.items() if fields.value(name)[1] is True), "")


def _task(fields: RecordFields, own: str, title: str) -> ExternalTask:
    body = _body(fields)
    kind = fields.text("issue_type").lower() or "task"
    if not fields.text("title"):
        fields.changes.append("no `title`: the id is taken")
        if not body:
            fields.holds.append("there is no title and no text")
    if kind not in _WORK:
        fields.holds.append(f"type `{one_line(kind)}`")
    _hold_for_later(fields)
    status, word = read_status(fields)
    links = list(_links(fields))
    parents = [target for target, link in links if link == _PARENT]
    see = [f"{link}: {target}" for target, link in links if link not in (*_BLOCKING, _PARENT)]
    return ExternalTask(
        id=own,
        stem=file_stem(own, title),
        title=title,
        body=body,
        status=status,
        raw_status=word,
        close_reason=fields.text("close_reason"),
        depends_on=tuple(target for target, link in links if link in _BLOCKING),
        parent=parents[0] if parents else None,
        related=tuple(see),
        holds=tuple(fields.holds),
        priority=_priority(fields),
        tags=(*([kind] if kind != "task" else []), *fields.names("labels")),
    )


def _hold_for_later(fields: RecordFields) -> None:
    if fields.value("pinned")[1] is True:
        fields.holds.append("pinned")
    if when := fields.text("defer_until"):
        fields.holds.append(f"deferred until {one_line(when)}")


def _priority(fields: RecordFields) -> int:
    """Return the priority with Beads' middle at 0; what is more urgent is higher."""
    text = fields.text("priority").upper().removeprefix("P")
    if not text:
        return 0
    if len(text) == 1 and text in _PRIORITIES:
        return _MIDDLE - _PRIORITIES.index(text)
    fields.changes.append(f"priority `{one_line(text)}` is not between 0 and 4: ignored")
    return 0


def _links(fields: RecordFields) -> Iterator[tuple[str, str]]:
    """Yield the ids that the issue is linked with, and how; what cannot be read holds the task."""
    for number, value in enumerate(fields.items("dependencies", holding=True), start=1):
        if isinstance(value, str):
            yield value, _BLOCKING[0]
            continue
        link = RecordFields(value if isinstance(value, dict) else {})
        target = link.text("depends_on_id", "id")
        if target:
            yield target, link.text("type", "dep_type", "dependency_type") or _BLOCKING[0]
        elif value is not None:
            fields.holds.append(f"item {number} of `dependencies` names no issue")


def _body(fields: RecordFields) -> str:
    said = []
    for value in fields.items("comments"):
        comment = RecordFields(value if isinstance(value, dict) else {"text": value})
        text, author = comment.prose("text"), one_line(comment.text("author") or "unknown")
        said += [f"**{author}**: {text.strip()}"] if text.strip() else []
    return sections(
        ("", fields.prose("description")),
        ("Design", fields.prose("design")),
        ("Acceptance criteria", fields.prose("acceptance_criteria")),
        ("Notes", fields.prose("notes")),
        ("Comments", "\n\n".join(said)),
    )


def _without_older(pairs: Sequence[tuple[Record, Any]]) -> Iterator[Record]:
    """Leave out the older versions of an issue, which a merge by union keeps beside the newest."""
    newest: dict[str, tuple[datetime, Record]] = {}
    for record, value in pairs:
        when = _updated(value) if record.task else None
        if when and (record.id not in newest or newest[record.id][0] < when):
            newest[record.id] = when, record
    for record, value in pairs:
        when = _updated(value) if record.task else None
        if when and when < newest[record.id][0]:
            reason = f"an older version of {newest[record.id][1].place}"
            yield replace(record, task=None, changes=(), reason=reason)
        else:
            yield record


def _updated(value: Mapping[str, Any]) -> datetime | None:
    with suppress(ValueError, TypeError):
        when = datetime.fromisoformat(str(value.get("updated_at")))
        return when if when.tzinfo else when.replace(tzinfo=UTC)
    return None


def write(tasks: Sequence[ExportedTask], *, now: str) -> str:
    """Return an `issues.jsonl` with these tasks; their names are the ids."""
    ids = {known.path: _id(known.path) for known in tasks}
    return "".join(_line(known, ids, now) for known in tasks)


def _id(path: str) -> str:
    return "runr-" + short_name(path).removesuffix(".md").replace("/", "-")


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
    return escape_controls(json.dumps(issue, ensure_ascii=False)) + "\n"
