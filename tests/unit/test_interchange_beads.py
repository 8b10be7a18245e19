"""Beads' issues: what each field becomes, which lines are no work, and how tasks are written."""

import json
from typing import Any

import pytest

from runr.interchange.beads import is_one, read, write
from runr.interchange.external_task import (
    Document,
    ExportedTask,
    ExternalStatus,
    ExternalTask,
    Record,
)
from runr.status.model import Entry, Evidence, State
from runr.tasks.model import Task


def records(*issues: Any) -> tuple[Record, ...]:
    text = "\n".join(issue if isinstance(issue, str) else json.dumps(issue) for issue in issues)
    return read(Document(name="issues.jsonl", text=text))


def issue(**facts: Any) -> dict[str, Any]:
    return {"id": "b-1", "title": "Do it", "status": "open"} | facts


def task(**facts: Any) -> ExternalTask:
    # A second line, so that it is no list.
    made, *_ = records(issue(**facts), issue(id="b-0"))
    assert made.task is not None
    return made.task


def test_an_issue_becomes_a_task_with_its_fields() -> None:
    links = [
        {"depends_on_id": "b-2", "type": "blocks"},
        {"id": "b-3", "dep_type": "waits-for"},
        {"depends_on_id": "b-4", "dependency_type": "parent-child"},
        {"depends_on_id": "b-5", "type": "related"},
        {"depends_on_id": "b-7"},
        "b-6",
        None,
    ]
    assert task(
        issue_type="Bug",
        status="closed",
        close_reason="fixed",
        priority=0,
        labels=["ui"],
        description="Why.",
        design="How.",
        acceptance_criteria="It works.",
        notes="Mind this.",
        comments=[{"author": "Ada", "text": " Yes. "}, {"text": ""}, {"text": "No."}, "Maybe."],
        dependencies=links,
    ) == ExternalTask(
        id="b-1",
        stem="b-1-do-it",
        title="Do it",
        body=(
            "Why.\n\n## Design\n\nHow.\n\n## Acceptance criteria\n\nIt works.\n\n"
            "## Notes\n\nMind this.\n\n"
            "## Comments\n\n**Ada**: Yes.\n\n**unknown**: No.\n\n**unknown**: Maybe."
        ),
        status=ExternalStatus.DONE,
        raw_status="closed",
        close_reason="fixed",
        depends_on=("b-2", "b-3", "b-7", "b-6"),
        parent="b-4",
        related=("related: b-5",),
        priority=2,
        tags=("bug", "ui"),
    )


@pytest.mark.parametrize(
    ("facts", "holds"),
    [
        ({}, ()),
        ({"issue_type": "task"}, ()),
        ({"issue_type": "epic"}, ("type `epic`",)),
        ({"pinned": True}, ("pinned",)),
        ({"pinned": False}, ()),
        ({"defer_until": "2025-02-01"}, ("deferred until 2025-02-01",)),
        ({"status": "blocked"}, ("status `blocked`",)),
        ({"title": ""}, ("there is no title and no text",)),
        ({"title": "", "notes": "x"}, ()),
        ({"dependencies": {}}, ("`dependencies` is an object where a list is wanted",)),
        ({"dependencies": ["b-2", {}]}, ("item 2 of `dependencies` names no issue",)),
        ({"dependencies": [5]}, ("item 1 of `dependencies` names no issue",)),
    ],
)
def test_what_a_worker_cannot_do_by_itself_is_held(
    facts: dict[str, Any], holds: tuple[str, ...]
) -> None:
    assert task(**facts).holds == holds


@pytest.mark.parametrize(
    ("written", "priority", "changes"),
    [
        (None, 0, ()),
        (0, 2, ()),
        ("P1", 1, ()),
        (2, 0, ()),
        ("p4", -2, ()),
        (5, 0, ("priority `5` is not between 0 and 4: ignored",)),
        ("12", 0, ("priority `12` is not between 0 and 4: ignored",)),
    ],
)
def test_what_is_more_urgent_has_a_higher_priority(
    written: Any, priority: int, changes: tuple[str, ...]
) -> None:
    made, _ = records(issue(priority=written), issue(id="b-0"))
    assert made.task is not None
    assert (made.task.priority, made.changes) == (priority, changes)


@pytest.mark.parametrize(
    ("line", "own", "reason", "damaged"),
    [
        ("<<<<<<< HEAD", "", "a conflict marker of git: resolve the merge", True),
        ("{x", "", "not JSON: Expecting property name", True),
        ("[]", "", "a list where an issue is wanted", True),
        (issue(_type="config"), "", "a record of type `config`, no issue", False),
        (issue(id=""), "", "there is no `id` that could be read", True),
        (issue(issue_type="Message"), "b-1", "type `message` is no work", False),
        (issue(is_template=True), "b-1", "a template", False),
        (issue(ephemeral=True), "b-1", "ephemeral", False),
        (issue(wisp=True), "b-1", "ephemeral", False),
        (issue(wisp=False), "b-1", "", False),
        (issue(_type="issue"), "b-1", "", False),
    ],
)
def test_what_is_no_work_is_left_out_and_what_is_no_issue_is_damaged(
    line: Any, own: str, reason: str, *, damaged: bool
) -> None:
    whole, found = records(issue(id="b-0"), line)
    assert whole.task is not None
    assert (found.id, found.damaged, found.task is None) == (own, damaged, bool(reason))
    assert found.reason.startswith(reason)
    assert found.place.startswith("issues.jsonl, line 2")


def test_blank_lines_are_counted_and_a_list_has_places_of_its_own() -> None:
    assert [each.place for each in records(issue(id="1"), " ", issue(id="2"))] == [
        "issues.jsonl, line 1",
        "issues.jsonl, line 3",
    ]
    listed = read(Document(name="x", text=json.dumps([issue(id="1"), issue(id="2")])))
    assert [each.place for each in listed] == ["x, [0]", "x, [1]"]
    (single,) = records(issue())
    assert single.place == "issues.jsonl, [0]"
    assert records(" ", "") == ()
    merged = records("<<<<<<< HEAD", issue(id="1"), "=======", issue(id="2"), ">>>>>>> x")
    assert [each.id for each in merged] == ["", "1", "", "2", ""]


def test_a_file_without_any_issue_is_damaged_as_a_whole() -> None:
    (found,) = records("{", "no", "[")
    assert (found.damaged, found.place) == (True, "issues.jsonl, line 2, column 1")


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        (["2025-01-01T00:00:00Z", "2025-01-02T00:00:00Z"], [False, True]),
        (["2025-01-02T00:00:00Z", "2025-01-01T00:00:00Z"], [True, False]),
        (["2025-01-02", "2025-01-02T00:30:00+01:00"], [True, False]),
        (["2025-01-02T00:00:00Z", "2025-01-02T00:00:00Z"], [True, True]),
        (["2025-01-02T00:00:00Z"] * 2 + ["2025-01-01T00:00:00Z"], [True, True, False]),
        (["2025-01-02T00:00:00Z", "soon"], [True, True]),
        ([None, "2025-01-02T00:00:00Z"], [True, True]),
    ],
)
def test_of_several_versions_of_an_issue_the_newest_is_kept(
    times: list[str | None], kept: list[bool]
) -> None:
    found = records(*(issue(updated_at=when, title=f"T{when}") for when in times))
    assert [each.task is not None for each in found] == kept
    newest = kept.index(True) + 1
    reasons = {each.reason for each in found if each.task is None}
    assert reasons <= {f"an older version of issues.jsonl, line {newest}"}


@pytest.mark.parametrize(
    ("value", "is_issue"),
    [
        ({"id": 1, "status": "x"}, True),
        ({"id": 1}, False),
        ({"status": "x"}, False),
        ({"id": 1, "status": "x", "number": 2}, False),
        (["id", "status"], False),
    ],
)
def test_the_shape_of_an_issue_is_recognised(value: Any, *, is_issue: bool) -> None:
    assert is_one(value) is is_issue


def exported(path: str, needs: tuple[str, ...] = (), **facts: Any) -> ExportedTask:
    entry = facts.pop("entry", Entry())
    made = Task(f".runr/tasks/{path}", **({"title": "Do it"} | facts))
    return ExportedTask(task=made, entry=entry, body="é\x7f", depends_on=needs)


def test_tasks_are_written_as_issues() -> None:
    done = Entry(
        status=State.COMPLETED,
        evidence=Evidence.VERIFIED,
        completed_by="run:1",
        completed_at="then",
        updated_at="later",
    )
    needs = (".runr/tasks/x/b.md", ".runr/tasks/gone.md")
    text = write(
        [
            exported("a.md", needs, tags=("ui",), priority=9),
            exported("x/b.md", priority=-9, entry=done),
            exported("c.md", entry=Entry(status=State.IN_PROGRESS)),
            exported("d.md", entry=Entry(status=State.COMPLETED), priority=1),
        ],
        now="now",
    )
    assert "é" in text
    assert "\x7f" not in text
    first, second, third, fourth = map(json.loads, text.splitlines())
    link = {
        "issue_id": "runr-a",
        "depends_on_id": "runr-x-b",
        "type": "blocks",
        "created_at": "now",
    }
    assert first == {
        "id": "runr-a",
        "title": "Do it",
        "description": "é\x7f",
        "status": "open",
        "priority": 0,
        "issue_type": "task",
        "created_at": "now",
        "updated_at": "now",
        "labels": ["ui"],
        "dependencies": [link],
    }
    closed = ("closed", 4, "then", "verified by run:1", "later")
    names = ("status", "priority", "closed_at", "close_reason", "updated_at")
    assert tuple(second[name] for name in names) == closed
    assert (second["created_at"], "labels" in second, "dependencies" in second) == (
        "later",
        False,
        False,
    )
    assert (third["status"], "closed_at" in third) == ("in_progress", False)
    assert (fourth["closed_at"], fourth["close_reason"], fourth["priority"]) == ("now", "", 1)
