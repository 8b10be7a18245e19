"""Backlog.md's files: what each becomes, what is said about it, and how tasks are written."""

from typing import Any

import pytest

from runr.interchange.backlog_md import read, write
from runr.interchange.external_task import (
    Document,
    ExportedTask,
    ExternalStatus,
    ExternalTask,
    Record,
)
from runr.status.model import Entry, Evidence, State
from runr.tasks.model import Task

NAME = "tasks/task-7 - Do it.md"


def file(*header: str, name: str = NAME, body: str = "") -> Document:
    return Document(name=name, text="\n".join(["---", *header, "---", body]))


def record(*header: str, name: str = NAME, body: str = "") -> Record:
    (found,) = read([file(*header, name=name, body=body)])
    return found


def task(*header: str, **facts: Any) -> ExternalTask:
    made = record(*header, **facts).task
    assert made is not None
    return made


def test_a_file_becomes_a_task_with_its_fields() -> None:
    header = (
        *("id: TASK-7", "title: Do it", "status: To Do", "labels: [ui, docs]"),
        *("dependencies: [task-1]", "parent_task_id: task-2", "priority: high"),
        *("assignee: [@ada, @eve-2]", "reporter: @ada"),
    )
    body = (
        "\n<!-- AC:BEGIN -->\n- [ ] #1 It works\n<!-- AC:END -->\n<!-- SECTION:X:BEGIN -->\nWhy\n"
    )
    made = record(*header, body=body)
    assert made.changes == ()
    assert made.task == ExternalTask(
        id="TASK-7",
        stem="task-7-do-it",
        title="Do it",
        body="- [ ] #1 It works\nWhy",
        raw_status="To Do",
        depends_on=("task-1",),
        parent="task-2",
        priority=1,
        tags=("ui", "docs"),
    )


@pytest.mark.parametrize(
    ("name", "status", "read_as", "changes"),
    [
        (NAME, "Done", ExternalStatus.DONE, 0),
        (NAME, "To Do", ExternalStatus.OPEN, 0),
        ("completed/task-7 - x.md", "Done", ExternalStatus.DONE, 0),
        ("completed/task-7 - x.md", "To Do", ExternalStatus.DONE, 1),
        ("my/completed/task-7 - x.md", "", ExternalStatus.DONE, 1),
        ("tasks/completed.md", "To Do", ExternalStatus.OPEN, 0),
    ],
)
def test_what_is_in_completed_is_done_whatever_its_header_says(
    name: str, status: str, read_as: ExternalStatus, changes: int
) -> None:
    made = record("id: task-7", "title: x", f"status: {status}", name=name)
    assert made.task is not None
    assert (made.task.status, len(made.changes)) == (read_as, changes)
    if changes:
        assert made.changes == (
            f"status `{status or 'untitled'}`: done, as the file is in completed/",
        )
        assert made.task.raw_status == "completed"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("task-1", "TASK-1"),
        ("1", "TASK-1"),
        ("TASK-001", "TASK-1"),
        ("back-2.1", "back-2.1"),
        ("2.01", "back-2.1"),
        ("0", "task-0"),
        ("Task-9", "Task-9"),
        ("odd", "odd"),
    ],
)
def test_a_dependency_is_found_in_any_spelling(written: str, meant: str) -> None:
    first, *_ = read(
        [
            file("id: x-5", f"dependencies: ['{written}']", f"parent_task_id: '{written}'"),
            *(file(f"id: {own}", name="tasks/a.md") for own in ("TASK-1", "back-2.1", "task-0")),
        ]
    )
    assert first.task is not None
    assert (first.task.depends_on, first.task.parent) == ((meant,), meant)


@pytest.mark.parametrize(
    ("document", "own", "reason", "damaged"),
    [
        (Document(name=NAME, unreadable="is a folder"), "task-7", "is a folder", True),
        (Document(name="notes.md", text="text"), "", "not a task: it has no header", False),
        (Document(name=NAME, text="text"), "task-7", "there is no header with an `id`", True),
        (Document(name=NAME, text="---\nid: 1\n"), "task-7", "the header is never closed", True),
        (file("- a"), "task-7", "the header is a list", True),
        (file("title: x", name="notes.md"), "", "not a task: it has no header", False),
    ],
)
def test_what_is_no_task_is_left_out_and_what_cannot_be_read_is_damaged(
    document: Document, own: str, reason: str, *, damaged: bool
) -> None:
    (found,) = read([document])
    assert (found.id, found.damaged, found.task) == (own, damaged, None)
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("header", "title", "changes"),
    [
        (
            ["id: 1", "title: Fix: it's"],
            "Fix: it's",
            ["line 3 is not YAML: its text is taken as it is"],
        ),
        (
            ["id: 1", "title: @x", "milestone: *y"],
            "@x",
            [f"line {line} is not YAML: its text is taken as it is" for line in (3, 4)],
        ),
        (["title: @x", "id: 1"], "@x", ["line 2 is not YAML: its text is taken as it is"]),
        (["title: x"], "x", ["no `id` that could be read: task-7, as the file is named"]),
        (["id: 1"], "1", ["no `title`: the id is taken"]),
        (["id: 1", "title: \udce9"], "\ufffd", ["bytes that are not UTF-8 are replaced by \ufffd"]),
    ],
)
def test_what_had_to_be_read_otherwise_is_named(
    header: list[str], title: str, changes: list[str]
) -> None:
    made = record(*header, body="text")
    assert (made.title, list(made.changes)) == (title, changes)
    assert made.task is not None
    assert made.task.holds == ()


def test_a_line_that_quotes_do_not_repair_is_damaged() -> None:
    found = record("id: 1", "other: @x")
    assert (found.damaged, found.place) == (True, f"{NAME}, line 3")


def test_a_task_without_title_and_text_is_held() -> None:
    assert task("id: 1").holds == ("there is no title and no text",)
    assert task("id: 1", "title: x").holds == task("id: 1", body="x").holds == ()


def exported(path: str, needs: tuple[str, ...] = (), **facts: Any) -> ExportedTask:
    entry = facts.pop("entry", Entry())
    made = Task(path, **({"title": "Do “it”"} | facts))
    return ExportedTask(task=made, entry=entry, body="Text.", depends_on=needs)


def test_tasks_are_written_as_a_backlog() -> None:
    done = Entry(status=State.COMPLETED, evidence=Evidence.ATTESTED, completed_by="person:Ada")
    written = write(
        [
            exported("a.md", ("b.md", "gone.md"), tags=("ä",), priority=1),
            exported("b.md", title="…", priority=-1, entry=done),
            exported("c.md", entry=Entry(status=State.IN_PROGRESS)),
        ]
    )
    assert list(written) == [
        "tasks/task-1 - do-it.md",
        "tasks/task-2 - task.md",
        "tasks/task-3 - do-it.md",
    ]
    assert written["tasks/task-1 - do-it.md"] == (
        '---\nid: task-1\ntitle: "Do “it”"\nstatus: To Do\nlabels: ["ä"]\n'
        'dependencies: ["task-2"]\npriority: high\n---\n\n## Description\n\nText.\n'
    )
    _, second, third = written.values()
    assert "status: Done" in second
    assert "priority: low" in second
    assert second.endswith("Text.\n\n## Implementation Notes\n\nattested by Ada\n")
    assert "status: In Progress" in third
    assert "priority: medium" in third
    assert "Notes" not in third
