"""Task Master's `tasks.json`: tasks with numbers, subtasks, and several lists by tag. Pure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from runr.errors import UsageError
from runr.interchange.external_task import (
    Document,
    ExportedTask,
    ExternalTask,
    Numbering,
    Record,
    file_stem,
    sections,
)
from runr.interchange.record_fields import InvalidJsonError, RecordFields, describe, parse_json
from runr.interchange.status_words import read_priority, read_status
from runr.status.model import State
from runr.text import escape_controls, one_line, slug

#: Where the file is in a repository; the others are where older versions kept it.
PLACES = (".taskmaster/tasks/tasks.json", "tasks/tasks.json", "tasks.json")

#: The list that is meant where none is named.
MAIN = "master"

#: What stands beside the lists and says something about them or the file.
_ABOUT = ("metadata", "meta", "project")

# Ids with more digits are no numbers that people count with.
_WIDEST = 6
_WORD = {
    State.PENDING: "pending",
    State.IN_PROGRESS: "in-progress",
    State.COMPLETED: "done",
    State.FAILED: "pending",
    State.STOPPED: "pending",
}


def is_one(value: Any) -> bool:
    """Tell whether parsed JSON has the shape of a `tasks.json`, and not of an editor's."""
    items = [item for _, found in _lists(value)[0] for _, item in found]
    if isinstance(value, list) or not items:
        return isinstance(value, dict) and bool(_lists(value)[0])
    return any(isinstance(item, dict) and "id" in item for item in items)


def read(document: Document, *, only: Sequence[str] = ()) -> tuple[Record, ...]:
    """Return what became of each task and subtask in all lists, or in those with the tags `only`.

    Raises UsageError for a tag that there is not.
    """
    if not document.text.strip():
        return ()
    try:
        value = parse_json(document.text)
    except InvalidJsonError as error:
        return (Record.unreadable(_within(document.name, error.place), error.reason),)
    lists, damaged = _lists(value)
    tags = list(dict.fromkeys(tag for tag, _ in lists))
    unknown = [tag for tag in only if tag not in tags]
    if unknown:
        raise UsageError(
            f"{document.name}: there is no list {unknown[0]!r}, there are {', '.join(tags)}"
        )
    found = [Record.unreadable(_within(document.name, place), why) for place, why in damaged]
    for tag in tags:
        items = [item for own, listed in lists if own == tag for item in listed]
        wanted = not only or tag in only
        found += _TagReader(document.name, tag, wanted=wanted).read(items)
    return tuple(found)


#: The path of an item in the JSON, and the item.
_Item = tuple[str, Any]


def _lists(value: Any) -> tuple[list[tuple[str, list[_Item]]], list[tuple[str, str]]]:
    """Return the lists of tasks with their tags, and the places that should hold one but do not."""
    if isinstance(value, list):
        return [(MAIN, _placed("", value))], []
    if not isinstance(value, dict):
        return [], [("", f"{describe(value)} where an object with a list `tasks` is wanted")]
    found: list[tuple[str, list[_Item]]] = []
    damaged: list[tuple[str, str]] = []
    others: list[tuple[str, str]] = []
    for key, inner in (*getattr(value, "repeated", ()), *value.items()):
        tag, place, tasks = MAIN, "tasks", inner
        if isinstance(inner, dict) and "tasks" in inner:
            tag, place, tasks = key, f"{one_line(key)}.tasks", inner["tasks"]
        elif key != "tasks":
            if isinstance(inner, dict | list) and inner and key not in _ABOUT:
                others.append((one_line(key), f"{describe(inner)} without a list `tasks` in it"))
            continue
        if isinstance(tasks, list):
            found.append((tag, _placed(place, tasks)))
        elif tasks is not None:
            damaged.append((place, f"{describe(tasks)} where a list of tasks is wanted"))
    if not found and not damaged:
        damaged.append(("", "there is no list `tasks` in it"))
    return found, [*damaged, *others] if found else damaged


def _within(name: str, place: str) -> str:
    """Return how a place in the file is called; an empty one is the whole file."""
    return ", ".join(filter(None, (name, place)))


def _placed(place: str, items: list[Any]) -> list[_Item]:
    return [(f"{place}[{index}]", item) for index, item in enumerate(items)]


@dataclass(slots=True, kw_only=True)
class _Node:
    """A task or subtask with its path; `number` is its id padded with zeros, for a file's name."""

    place: str
    fields: RecordFields
    id: str
    number: str
    parent: "_Node | None"
    duplicate_of: str | None
    children: list[_Item] = field(default_factory=list)


class _TagReader:
    """Reads the tasks of one tag, with their subtasks at any depth."""

    def __init__(self, name: str, tag: str, *, wanted: bool) -> None:
        self._name = name
        self._tag = tag
        self._wanted = wanted
        self._prefix = "" if tag == MAIN else f"{tag}#"
        self._folder = "" if tag == MAIN else slug(tag) or "list"

    def read(self, items: list[_Item]) -> list[Record]:
        """Return a record for each task, before those of its subtasks."""
        rows = list(self._walk(items))
        ids = {row.id for row in rows if isinstance(row, _Node)}
        return [self._task(row, ids) if isinstance(row, _Node) else row for row in rows]

    def _walk(self, items: list[_Item]) -> Iterator[_Node | Record]:
        # A stack, as nothing keeps a damaged file from being deeper than Python's.
        stack = self._level(items, None)[::-1]
        while stack:
            row = stack.pop()
            yield row
            if isinstance(row, _Node):
                stack += self._level(row.children, row)[::-1]

    def _level(self, items: list[_Item], parent: _Node | None) -> list[_Node | Record]:
        """Return the tasks of one list, each with an id of its own, and what is no task."""
        texts = [_own_id(value, parent) for _, value in items]
        width = max((len(text) for text in texts if _is_number(text)), default=1)
        taken: dict[str, Any] = {}
        unused = Numbering(texts)
        rows: list[_Node | Record] = []
        for index, ((place, value), text) in enumerate(zip(items, texts, strict=True)):
            where = f"{self._name}, {place}"
            if not self._wanted:
                reason = f"in the list `{one_line(self._tag)}`, which was not asked for"
                rows += self._left_out(where, value, reason)
            elif not isinstance(value, dict):
                wrong = f"{describe(value)} where a task is wanted"
                rows.append(Record.unreadable(where, wrong))
            elif text in taken and _same(value, taken[text]):
                rows += self._left_out(where, value, f"the same as another task {text}")
            else:
                fields = RecordFields(value)
                own, first = text, text if text in taken else None
                if not text or first:
                    own = unused.like(text or str(index + 1))
                if not text:
                    fields.changes.append(f"no `id` that could be read: numbered {own}")
                taken[own] = value
                rows.append(_node(place, fields, own, width=width, parent=parent, first=first))
        return rows

    def _left_out(self, place: str, value: Any, reason: str) -> list[_Node | Record]:
        """Return an account of a task that is left out, and of all below it."""
        found: list[_Node | Record] = []
        stack = [(place, value)]
        while stack:
            where, item = stack.pop()
            found.append(Record.left_out(where, reason))
            if isinstance(item, dict) and isinstance(item.get("subtasks"), list):
                stack += _placed(f"{where}.subtasks", item["subtasks"])[::-1]
        return found

    def _task(self, node: _Node, ids: set[str]) -> Record:
        fields = node.fields
        title, body = one_line(fields.text("title") or f"Task {node.id}"), _body(fields)
        if title == f"Task {node.id}" and not body:
            fields.holds.append("there is no title and no text")
        status, word = read_status(fields)
        wanted = fields.references("dependencies")
        task = ExternalTask(
            id=f"{self._prefix}{node.id}",
            stem=file_stem(node.number, title),
            title=title,
            folder=self._folder,
            body=body,
            status=status,
            raw_status=word,
            depends_on=tuple(f"{self._prefix}{_absolute(name, node, ids)}" for name in wanted),
            parent=f"{self._prefix}{node.parent.id}" if node.parent else None,
            priority=read_priority(fields),
            holds=tuple(fields.holds),
            duplicate_of=f"{self._prefix}{node.duplicate_of}" if node.duplicate_of else None,
        )
        return Record.of_task(f"{self._name}, {node.place}", task, fields.changes)


def _own_id(value: Any, parent: _Node | None) -> str:
    """Return the id as it is within its list: of a subtask's `1.2`, the 2; nothing without one."""
    text = RecordFields(value).text("id") if isinstance(value, dict) else ""
    inner = text.removeprefix(f"{parent.id}.") if parent else text
    return inner or text


def _node(
    place: str,
    fields: RecordFields,
    own: str,
    *,
    width: int,
    parent: _Node | None,
    first: str | None,
) -> _Node:
    number = own.rjust(min(width, _WIDEST), "0") if _is_number(own) else own
    above = f"{parent.id}." if parent else ""
    below = fields.items("subtasks")
    return _Node(
        place=place,
        fields=fields,
        id=f"{above}{own}",
        number=f"{parent.number}.{number}" if parent else number,
        parent=parent,
        duplicate_of=f"{above}{first}" if first else None,
        children=_placed(f"{place}.subtasks", below),
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _same(value: Any, other: Any) -> bool:
    try:
        return bool(value == other)
    except RecursionError:
        return False


def _absolute(name: str, node: _Node, ids: set[str]) -> str:
    """Return the id that a dependency means: in a subtask, a bare number is a sibling's first."""
    above = node.parent
    if "." in name and name in ids:
        return name
    while above is not None:
        if f"{above.id}.{name}" in ids:
            return f"{above.id}.{name}"
        above = above.parent
    return name


def _body(fields: RecordFields) -> str:
    return sections(
        ("", fields.prose("description")),
        ("Details", fields.prose("details")),
        ("Acceptance criteria", fields.prose("acceptanceCriteria")),
        ("Test strategy", fields.prose("testStrategy")),
    )


def write(tasks: Sequence[ExportedTask]) -> str:
    """Return a `tasks.json` with these tasks, numbered in their order."""
    numbers = {known.path: number for number, known in enumerate(tasks, start=1)}
    message = [
        {
            "id": numbers[known.path],
            "title": known.task.title,
            "description": known.body.partition("\n\n")[0],
            "details": known.body,
            "testStrategy": "\n".join(known.task.verify),
            "status": _WORD[known.entry.status],
            "priority": _word(known.task.priority),
            "dependencies": [numbers[path] for path in known.depends_on if path in numbers],
            "subtasks": [],
        }
        for known in tasks
    ]
    whole = {MAIN: {"tasks": message, "metadata": {"description": "Exported from runr"}}}
    return escape_controls(json.dumps(whole, indent=2, ensure_ascii=False)) + "\n"


def _word(priority: int) -> str:
    if priority > 0:
        return "high" if priority == 1 else "critical"
    return "low" if priority < 0 else "medium"
