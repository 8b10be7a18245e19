"""Task Master's tasks: lists by tag, subtasks, numbers, dependencies, and how they are written."""

import json
from typing import Any

import pytest

from runr.errors import UsageError
from runr.interchange.external_task import (
    Document,
    ExportedTask,
    ExternalStatus,
    ExternalTask,
    Record,
)
from runr.interchange.taskmaster import is_one, read, write
from runr.status.model import Entry, State
from runr.tasks.model import Task


def records(value: Any, *only: str) -> tuple[Record, ...]:
    text = value if isinstance(value, str) else json.dumps(value)
    return read(Document(name="tasks.json", text=text), only=only)


def tasks(*items: dict[str, Any]) -> list[ExternalTask]:
    found = [record.task for record in records({"tasks": [{"title": "T"} | one for one in items]})]
    return [task for task in found if task is not None]


def test_a_task_becomes_a_task_with_its_texts() -> None:
    (task,) = tasks(
        {
            "id": 4,
            "title": "Do it",
            "description": "Why.",
            "details": "How.",
            "acceptanceCriteria": ["It works."],
            "testStrategy": "Try it.",
            "status": "done",
            "priority": "high",
            "dependencies": [2, "3"],
        }
    )
    assert task == ExternalTask(
        id="4",
        stem="4-do-it",
        title="Do it",
        body=(
            "Why.\n\n## Details\n\nHow.\n\n## Acceptance criteria\n\n- It works.\n\n"
            "## Test strategy\n\nTry it."
        ),
        status=ExternalStatus.DONE,
        raw_status="done",
        depends_on=("2", "3"),
        priority=1,
    )


@pytest.mark.parametrize(
    ("value", "is_tasks"),
    [
        ({"tasks": [{"id": 1}]}, True),
        ({"feature": {"tasks": [{"id": 1}]}}, True),
        ({"tasks": []}, True),
        ({"tasks": [{"label": "build", "command": "make"}]}, False),
        ({"tasks": ["id"]}, False),
        ([{"id": 1}], False),
        ([], False),
        ({"version": "2.0.0"}, False),
        ("tasks", False),
    ],
)
def test_the_shape_of_a_file_is_recognised(value: Any, *, is_tasks: bool) -> None:
    assert is_one(value) is is_tasks


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ([{"id": 1}], {"tasks.json, [0]": ""}),
        ({"tasks": [{"id": 1}]}, {"tasks.json, tasks[0]": ""}),
        (
            {"metadata": {"a": 1}, "version": "1", "none": {}, "ui": {"tasks": [{"id": 1}]}},
            {"tasks.json, ui.tasks[0]": ""},
        ),
        (
            {"notes": ["a"], "tasks": [{"id": 1}, 5], "ui": {"tasks": None}},
            {
                "tasks.json, notes": "a list without a list `tasks` in it",
                "tasks.json, tasks[0]": "",
                "tasks.json, tasks[1]": "a number where a task is wanted",
            },
        ),
        (
            {"notes": ["a"], "tasks": {}},
            {"tasks.json, tasks": "an object where a list of tasks is wanted"},
        ),
        ({"notes": ["a"]}, {"tasks.json": "there is no list `tasks` in it"}),
        ({}, {"tasks.json": "there is no list `tasks` in it"}),
        ("5", {"tasks.json": "a number where an object with a list `tasks` is wanted"}),
        ("{", {"tasks.json, line 1, column 2": "not JSON: Expecting property name"}),
        ("[" * 100_000, {"tasks.json": "the JSON is nested too deeply"}),
        (" \n", {}),
    ],
)
def test_each_list_of_tasks_is_read_and_what_is_none_is_named(
    value: Any, places: dict[str, str]
) -> None:
    found = records(value)
    assert [record.place for record in found] == list(places)
    for record, reason in zip(found, places.values(), strict=True):
        assert record.reason.startswith(reason)
        assert (record.damaged, record.task is None) == (bool(reason), bool(reason))


@pytest.mark.parametrize(
    ("tag", "identity", "folder", "need"),
    [
        ("master", "2", "", "1"),
        ("New UI", "New UI#2", "new-ui", "New UI#1"),
        ("…", "…#2", "list", "…#1"),
    ],
)
def test_each_tag_but_the_main_one_has_a_folder_and_ids_of_its_own(
    tag: str, identity: str, folder: str, need: str
) -> None:
    found = records({tag: {"tasks": [{"id": 2, "title": "T", "dependencies": [1]}]}})
    assert found[0].task == ExternalTask(
        id=identity, stem="2-t", title="T", folder=folder, depends_on=(need,)
    )


def test_a_list_that_was_not_asked_for_is_left_out_with_all_its_subtasks_in_order() -> None:
    inner = {"id": 1, "subtasks": [{"id": 1, "subtasks": [{"id": 1}]}, {"id": 2}, {"id": 3}]}
    lists = {"master": {"tasks": [{"id": 7, "title": "T"}]}, "ui": {"tasks": [inner]}}
    main, *others = records(lists, "master")
    assert main.id == "7"
    at = "tasks.json, ui.tasks[0]"
    assert [record.place for record in others] == [
        at,
        f"{at}.subtasks[0]",
        f"{at}.subtasks[0].subtasks[0]",
        f"{at}.subtasks[1]",
        f"{at}.subtasks[2]",
    ]
    reasons = {(record.reason, record.damaged) for record in others}
    assert reasons == {("in the list `ui`, which was not asked for", False)}
    with pytest.raises(UsageError, match="there is no list 'api', there are master, ui"):
        records(lists, "ui", "api")


@pytest.mark.parametrize(
    ("ids", "stems"),
    [
        ([1, 2], ["1-t", "2-t"]),
        ([1, "10"], ["01-t", "10-t"]),
        ([None, 12], ["01-t", "12-t"]),
        ([None], ["1-t"]),
        ([None, None], ["1-t", "2-t"]),
        (["a", 10], ["a-t", "10-t"]),
        (["²", "longer", 1], ["²-t", "longer-t", "1-t"]),
        ([1, 12345678], ["000001-t", "12345678-t"]),
    ],
)
def test_a_file_is_named_by_a_number_as_wide_as_the_longest(
    ids: list[Any], stems: list[str]
) -> None:
    items = [{} if own is None else {"id": own} for own in ids]
    assert [task.stem for task in tasks(*items)] == stems


def test_a_task_without_an_id_is_numbered_by_its_place() -> None:
    first, second = records({"tasks": [{"id": 2, "title": "A"}, {"title": "B"}]})
    assert (first.id, first.changes) == ("2", ())
    assert (second.id, second.changes) == ("2-2", ("no `id` that could be read: numbered 2-2",))


def test_an_id_that_occurs_twice_is_numbered_and_says_whose_it_is() -> None:
    items = [{"id": 1, "title": "A"}, {"id": 1, "title": "B"}, {"id": 1, "title": "A"}]
    upper = {"id": 5, "title": "C", "subtasks": items}
    found = records({"tasks": [*items, upper]})
    assert [(each.id, each.task and each.task.duplicate_of) for each in found] == [
        ("1", None),
        ("1-2", "1"),
        ("", None),
        ("5", None),
        ("5.1", None),
        ("5.1-2", "5.1"),
        ("", None),
    ]
    assert (found[2].reason, found[2].damaged) == ("the same as another task 1", False)
    tagged = records({"ui": {"tasks": items}})
    assert tagged[1].task is not None
    assert tagged[1].task.duplicate_of == "ui#1"


def test_tasks_nested_as_deep_as_can_be_read_are_not_compared() -> None:
    def nested(depth: int) -> tuple[Record, ...]:
        inner = "[" * depth + "]" * depth
        return records(",".join([f'{{"id": 1, "x": {inner}}}'] * 2).join("[]"))

    readable, too_deep = 1, 200_000
    while too_deep - readable > 1:
        depth = (readable + too_deep) // 2
        if nested(depth)[0].damaged:
            too_deep = depth
        else:
            readable = depth
    assert [each.id for each in nested(readable)] in (["1", "1-2"], ["1", ""])
    assert [each.id for each in nested(10)] == ["1", ""]


def test_subtasks_come_behind_their_task_with_its_number() -> None:
    deep = {"id": "3.1.9", "title": "D"}
    upper = {"id": 3, "subtasks": [{"id": "3.1", "title": "A", "subtasks": [deep]}, {"id": 10}]}
    found = tasks(upper, {"id": 10, "title": "Last"})
    assert [(task.id, task.stem, task.parent) for task in found] == [
        ("3", "03-t", None),
        ("3.1", "03.01-a", "3"),
        ("3.1.9", "03.01.9-d", "3.1"),
        ("3.10", "03.10-task-3-10", "3"),
        ("10", "10-last", None),
    ]
    (held,) = (task for task in found if task.id == "3.10")
    assert held.holds == ("there is no title and no text",)


@pytest.mark.parametrize(
    ("written", "means"),
    [
        (2, "3.2"),  # beside the task above, although there is a task 2
        ("3.2", "3.2"),
        ("1.1", "1.1"),
        (1, "3.1.1"),  # nearer than 3.1, and than the task 1
        (4, "3.4"),
        (9, "9"),
        ("1.5", "3.1.5"),  # there is no 1.5, but there is one below 3
        ("7.7", "7.7"),
    ],
)
def test_a_dependency_of_a_subtask_is_a_sibling_first(written: Any, means: str) -> None:
    asking = {"id": 5, "title": "A", "dependencies": [written]}
    inner = {"id": 1, "subtasks": [{"id": 1}, asking]}
    upper = {"id": 3, "subtasks": [inner, {"id": 2}, {"id": 4}]}
    one = {"id": 1, "subtasks": [{"id": 1}]}
    found = {task.id: task for task in tasks(one, {"id": 2}, upper, {"id": 9})}
    assert found["3.1.5"].depends_on == (means,)


def test_tasks_are_written_with_numbers_in_their_order() -> None:
    def exported(path: str, status: State, priority: int, *needs: str) -> ExportedTask:
        task = Task(path, path.upper(), priority=priority, verify=("make test", "make lint"))
        body = f"About {path}é.\n\nMore."
        return ExportedTask(task=task, entry=Entry(status=status), body=body, depends_on=needs)

    text = write(
        [
            exported("a", State.PENDING, 2),
            exported("b", State.IN_PROGRESS, 1, "a", "gone"),
            exported("c", State.COMPLETED, 0),
            exported("d", State.FAILED, -1, "b", "c"),
            exported("e", State.STOPPED, -5),
        ]
    )
    assert "é" in text
    written = json.loads(text)["master"]["tasks"]
    names = ("id", "title", "status", "priority", "dependencies")
    assert [tuple(task[name] for name in names) for task in written] == [
        (1, "A", "pending", "critical", []),
        (2, "B", "in-progress", "high", [1]),
        (3, "C", "done", "medium", []),
        (4, "D", "pending", "low", [2, 3]),
        (5, "E", "pending", "low", []),
    ]
    texts = ("description", "details", "testStrategy", "subtasks")
    assert tuple(written[0][name] for name in texts) == (
        "About aé.",
        "About aé.\n\nMore.",
        "make test\nmake lint",
        [],
    )
