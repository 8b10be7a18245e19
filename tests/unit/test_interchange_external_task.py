"""What an import and an export know of one task: records, numbers, texts and evidence."""

from typing import Any

import pytest

from runr.interchange.external_task import (
    ExportedTask,
    ExternalTask,
    Numbering,
    Record,
    file_stem,
    sections,
)
from runr.status.model import Entry, Evidence, State
from runr.tasks.model import Task


def test_a_record_tells_what_became_of_it() -> None:
    task = ExternalTask(id="1", stem="1", title="Do it")
    read = Record.of_task("line 1", task, ["a", "b", "a"])
    assert (read.id, read.title, read.task, read.changes) == ("1", "Do it", task, ("a", "b"))
    assert (read.reason, read.damaged) == ("", False)
    left = Record.left_out("line 2", "a note", own="2", title="T")
    assert left == Record(place="line 2", id="2", title="T", reason="a note")
    damaged = Record.unreadable("line 3", "not JSON", own="3")
    assert damaged == Record(place="line 3", id="3", reason="not JSON", damaged=True)


def test_a_name_that_is_taken_gets_the_next_free_number() -> None:
    numbering = Numbering(["4", "4-2"])
    assert [numbering.like(name) for name in ("4", "4", "5", "5", "4-3", "4-3")] == [
        "4-3",
        "4-4",
        "5",
        "5-2",
        "4-3-2",
        "4-3-3",
    ]


def test_only_sections_that_say_something_have_a_heading() -> None:
    written = sections(("", " intro\n"), ("Why", "\nso "), ("Notes", " \n"), ("", ""))
    assert written == "intro\n\n## Why\n\nso"


@pytest.mark.parametrize(
    ("number", "title", "stem"),
    [("4", "Do it!", "4-do-it"), ("", "Do it", "do-it"), ("4", "…", "4"), ("", "…", "task")],
)
def test_a_file_is_named_by_number_and_title(number: str, title: str, stem: str) -> None:
    assert file_stem(number, title) == stem


@pytest.mark.parametrize(
    ("facts", "evidence"),
    [
        ({"status": State.PENDING, "evidence": Evidence.VERIFIED}, ""),
        ({}, ""),
        ({"evidence": Evidence.VERIFIED, "completed_by": "run:1"}, "verified by run:1"),
        (
            {"evidence": Evidence.ATTESTED, "completed_by": "person:Ada", "reason": "I looked"},
            "attested by Ada: I looked",
        ),
        ({"evidence": Evidence.INFERRED}, "inferred by "),
    ],
)
def test_an_export_says_on_what_a_completion_rests(facts: dict[str, Any], evidence: str) -> None:
    entry = Entry(**({"status": State.COMPLETED} | facts))
    exported = ExportedTask(task=Task("a.md", "A"), entry=entry, body="", depends_on=())
    assert (exported.path, exported.evidence) == ("a.md", evidence)
    assert exported.done == (entry.status is State.COMPLETED)
