"""GitHub's issues: what each field becomes, and what is said where it is of another kind."""

import json
from typing import Any

import pytest

from runr.interchange.external_task import Document, ExternalStatus, ExternalTask, Record
from runr.interchange.github import is_one, read


def records(*issues: Any) -> tuple[Record, ...]:
    return read(Document(name="issues.json", text=json.dumps(issues)))


def task(**facts: Any) -> ExternalTask:
    (record,) = records({"number": 7, "title": "Do it", "state": "OPEN"} | facts)
    assert record.task is not None
    return record.task


def test_an_issue_becomes_a_task_with_its_labels_and_dependencies() -> None:
    assert task(
        body="\r\nFirst.\r\n\r\n- Depends on: #12, #3 and #12\r\nblocked by #4\r\nsee #9\r\n",
        labels=[{"name": "ui"}, "docs"],
    ) == ExternalTask(
        id="7",
        stem="7-do-it",
        title="Do it",
        body="First.\n\n- Depends on: #12, #3 and #12\nblocked by #4\nsee #9",
        raw_status="open",
        depends_on=("12", "3", "4"),
        tags=("ui", "docs"),
    )


@pytest.mark.parametrize(
    ("state", "reason", "status", "word"),
    [
        ("OPEN", None, ExternalStatus.OPEN, "open"),
        ("OPEN", "REOPENED", ExternalStatus.OPEN, "open"),
        ("CLOSED", None, ExternalStatus.DONE, "closed"),
        ("CLOSED", "COMPLETED", ExternalStatus.DONE, "closed as completed"),
        ("CLOSED", "NOT_PLANNED", ExternalStatus.CANCELLED, "closed as not_planned"),
        ("CLOSED", "duplicate", ExternalStatus.CANCELLED, "closed as duplicate"),
    ],
)
@pytest.mark.parametrize("name", ["stateReason", "state_reason"])
def test_an_issue_that_was_closed_for_a_reason_is_done_or_cancelled(
    state: str, reason: str | None, status: ExternalStatus, word: str, name: str
) -> None:
    read_task = task(state=state, **{name: reason})
    assert (read_task.status, read_task.raw_status) == (status, word)


def test_numbers_are_as_wide_as_the_longest() -> None:
    found = records({"number": 7, "title": "A"}, {"number": "112", "title": "B"})
    assert [record.task and record.task.stem for record in found] == ["007-a", "112-b"]


def test_what_is_no_issue_is_accounted_for() -> None:
    found = records(
        {"number": 1, "title": "A change", "pull_request": {}},
        {"number": 0, "title": "B"},
        {"number": "x", "title": "B"},
        [],
        {"number": 2, "title": "C", "pull_request": None},
    )
    assert [(each.id, each.reason, each.damaged) for each in found] == [
        ("1", "a pull request, no issue", False),
        ("", "there is no `number` above 0", True),
        ("", "there is no `number` above 0", True),
        ("", "a list where an issue is wanted", True),
        ("2", "", False),
    ]
    assert found[0].title == "A change"
    assert [each.place for each in found] == [f"issues.json, [{index}]" for index in range(5)]


@pytest.mark.parametrize(
    ("issue", "title", "holds"),
    [
        ({"title": "", "body": ""}, "Issue 7", ("there is no title and no text",)),
        ({"title": "", "body": "text"}, "Issue 7", ()),
        ({"title": "T", "body": ""}, "T", ()),
    ],
)
def test_an_issue_that_says_nothing_is_held(
    issue: dict[str, str], title: str, holds: tuple[str, ...]
) -> None:
    made = task(**issue)
    assert (made.title, made.holds) == (title, holds)


def test_a_label_without_a_name_is_ignored_and_named() -> None:
    (record,) = records({"number": 7, "title": "T", "labels": [{"name": "a"}, {}, {"name": ""}]})
    assert record.task is not None
    assert record.task.tags == ("a",)
    assert record.changes == (
        "item 2 of `labels` has no name: ignored",
        "item 3 of `labels` has no name: ignored",
    )


def test_one_issue_no_text_and_no_json_are_read() -> None:
    (one,) = read(Document(name="x", text='{"number": 7, "title": "T"}'))
    assert (one.id, one.place) == ("7", "x, [0]")
    assert read(Document(name="x", text=" \n")) == ()
    (wrong,) = read(Document(name="x", text='[{"number": 7'))
    assert (wrong.damaged, wrong.place) == (True, "x, line 1, column 14")


@pytest.mark.parametrize(
    ("value", "is_issue"),
    [
        ({"number": 1, "title": "T"}, True),
        ({"number": 1}, False),
        ({"title": "T"}, False),
        (["number", "title"], False),
    ],
)
def test_the_shape_of_an_issue_is_recognised(value: Any, *, is_issue: bool) -> None:
    assert is_one(value) is is_issue
