"""Task Master's `tasks.json`: tasks with numbers, subtasks, and several lists by tag. Pure."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError

from runr.interchange.external_task import (
    Document,
    ExportedTask,
    ExternalStatus,
    ExternalTask,
    SourceModel,
    invalid_source,
    parsed,
    referenced_ids,
    sections,
    wrong_type,
)
from runr.status.model import State
from runr.text import one_line, slug

#: Where the file lies in a repository; the second is where older versions kept it.
PLACES = (".taskmaster/tasks/tasks.json", "tasks/tasks.json")

#: The list that is meant where none is named.
MAIN = "master"

_CLAIMS = {
    "done": ExternalStatus.DONE,
    "completed": ExternalStatus.DONE,
    "cancelled": ExternalStatus.DROPPED,
    "canceled": ExternalStatus.DROPPED,
    "deferred": ExternalStatus.HELD,
    "review": ExternalStatus.HELD,
}
_TAGGED = ("deferred", "review", "blocked")
_WORD = {
    State.PENDING: "pending",
    State.IN_PROGRESS: "in-progress",
    State.COMPLETED: "done",
    State.FAILED: "pending",
    State.STOPPED: "pending",
}
_PRIORITY = {"critical": 2, "high": 1, "medium": 0, "low": -1}


class _Item(SourceModel):
    id: str
    title: str = ""
    description: str | None = None
    details: str | None = None
    test_strategy: str | None = Field(default=None, alias="testStrategy")
    acceptance: str | list[str] | None = Field(default=None, alias="acceptanceCriteria")
    status: str | None = None
    priority: str | None = None
    dependencies: list[str] | None = None
    subtasks: list["_Item"] | None = None


def is_one(value: Any) -> bool:
    """Tell whether parsed JSON has the shape of a `tasks.json`."""
    if not isinstance(value, dict):
        return False
    lists = [value, *(inner for inner in value.values() if isinstance(inner, dict))]
    return any(isinstance(inner.get("tasks"), list) for inner in lists)


def read(document: Document, *, only: Sequence[str] = ()) -> tuple[ExternalTask, ...]:
    """Return the tasks of all lists, or of those with the tags `only`."""
    lists = _lists(document)
    unknown = [tag for tag in only if tag not in lists]
    if unknown:
        there = ", ".join(lists)
        raise invalid_source(
            document.name, "", f"there is no list {unknown[0]!r}, there are {there}"
        )
    found: list[ExternalTask] = []
    for tag, items in lists.items():
        if not only or tag in only:
            found += _tasks(document.name, tag, items)
    return tuple(found)


def _lists(document: Document) -> dict[str, list[Any]]:
    value = parsed(document.name, document.text)
    if not is_one(value):
        raise invalid_source(document.name, "", "there is no list `tasks` in it")
    if isinstance(value.get("tasks"), list):
        return {MAIN: value["tasks"]}
    inner = {tag: held for tag, held in value.items() if isinstance(held, dict)}
    return {
        tag: held["tasks"] for tag, held in inner.items() if isinstance(held.get("tasks"), list)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    """The tasks of one tag: their ids, what stands before them, and where their files go."""

    prefix: str
    folder: str
    ids: frozenset[str]
    width: int


def _tasks(name: str, tag: str, raw: list[Any]) -> Iterator[ExternalTask]:
    items = []
    for index, value in enumerate(raw):
        try:
            items.append(_Item.model_validate(value))
        except ValidationError as error:
            raise wrong_type(name, f"{tag}.tasks[{index}]", error) from None
    main = tag == MAIN
    whole = _List(
        prefix="" if main else f"{tag}#",
        folder="" if main else slug(tag) or "list",
        ids=frozenset(item.id for item in items),
        width=max((len(item.id) for item in items), default=1),
    )
    for item in items:
        yield _task(whole, item)
        for below in item.subtasks or ():
            yield _task(whole, below, parent=item)


def _task(whole: _List, item: _Item, *, parent: _Item | None = None) -> ExternalTask:
    title = one_line(item.title or f"Task {item.id}")
    said = (item.status or "pending").lower()
    full = f"{parent.id}.{item.id}" if parent else item.id
    wanted = (name.strip() for name in item.dependencies or ())
    return ExternalTask(
        id=f"{whole.prefix}{full}",
        stem=referenced_ids(_number(whole, item, parent), title),
        title=title,
        folder=whole.folder,
        body=_body(item),
        claim=_CLAIMS.get(said, ExternalStatus.OPEN),
        said=said,
        depends_on=tuple(f"{whole.prefix}{_absolute(name, whole, parent)}" for name in wanted),
        parent=f"{whole.prefix}{parent.id}" if parent else None,
        priority=_PRIORITY.get((item.priority or "").lower(), 0),
        tags=(said,) if said in _TAGGED else (),
    )


def _number(whole: _List, item: _Item, parent: _Item | None) -> str:
    """Return the id with zeros before it, so that file names sort as the ids do."""
    if parent is None:
        return item.id.rjust(whole.width, "0")
    inner = max(len(sibling.id) for sibling in parent.subtasks or ())
    return f"{parent.id.rjust(whole.width, '0')}.{item.id.rjust(inner, '0')}"


def _absolute(name: str, whole: _List, parent: _Item | None) -> str:
    """Return the id that a dependency means: in a subtask, a bare number is a sibling's."""
    if parent is None or "." in name:
        return name
    siblings = {sibling.id for sibling in parent.subtasks or ()}
    return f"{parent.id}.{name}" if name in siblings or name not in whole.ids else name


def _body(item: _Item) -> str:
    accepted = item.acceptance
    if isinstance(accepted, list):
        accepted = "\n".join(f"- {line}" for line in accepted)
    return sections(
        ("", item.description),
        ("Details", item.details),
        ("Acceptance criteria", accepted),
        ("Test strategy", item.test_strategy),
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
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _word(priority: int) -> str:
    if priority > 0:
        return "high" if priority == 1 else "critical"
    return "low" if priority < 0 else "medium"
