"""What the words of other tools become, and what the preview says about them."""

from typing import Any

import pytest

from runr.interchange.external_task import ExternalStatus
from runr.interchange.record_fields import RecordFields
from runr.interchange.status_words import known_status, read_priority, read_status


def fields(**raw: Any) -> RecordFields:
    return RecordFields(raw)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("✅ Done", ExternalStatus.DONE),
        ("In_Progress", ExternalStatus.IN_PROGRESS),
        ("to-do", ExternalStatus.OPEN),
        ("Won\u2019t  fix", ExternalStatus.CANCELLED),
        ("In review", ExternalStatus.ON_HOLD),
        ("shipped", None),
    ],
)
def test_a_word_is_read_however_it_is_written(word: str, status: ExternalStatus | None) -> None:
    assert known_status(word) is status


@pytest.mark.parametrize(
    ("raw", "status", "word"),
    [
        ({}, ExternalStatus.OPEN, ""),
        ({"status": ""}, ExternalStatus.OPEN, ""),
        ({"status": "todo"}, ExternalStatus.OPEN, "todo"),
        ({"status": "closed"}, ExternalStatus.DONE, "closed"),
    ],
)
def test_a_known_status_needs_no_remark(
    raw: dict[str, Any], status: ExternalStatus, word: str
) -> None:
    record = fields(**raw)
    assert read_status(record) == (status, word)
    assert (record.holds, record.changes) == ([], [])


@pytest.mark.parametrize(
    ("given", "hold"),
    [
        ("Shipped", "status `Shipped` is not known"),
        ("Blocked", "status `Blocked`"),
        (True, "`status` is true where text is wanted"),
        (["done"], "`status` is a list where text is wanted"),
    ],
)
def test_a_status_that_is_not_understood_puts_the_task_on_hold(given: object, hold: str) -> None:
    record = fields(status=given)
    assert read_status(record)[0] is ExternalStatus.ON_HOLD
    assert record.holds == [hold]


def test_a_task_in_progress_elsewhere_is_pending_here() -> None:
    record = fields(status="doing")
    assert read_status(record)[0] is ExternalStatus.IN_PROGRESS
    assert record.changes == ["status `doing`: pending, as no run of runr works on it"]
    assert record.holds == []


@pytest.mark.parametrize(
    ("word", "priority"),
    [("Critical", 2), ("HIGH", 1), ("medium", 0), ("low", -1), ("lowest", -2), ("", 0)],
)
def test_a_priority_is_higher_for_what_is_more_urgent(word: str, priority: int) -> None:
    record = fields(priority=word)
    assert read_priority(record) == priority
    assert record.changes == []


def test_a_priority_that_is_not_known_is_ignored_and_named() -> None:
    record = fields(priority="P1!")
    assert read_priority(record) == 0
    assert record.changes == ["priority `P1!` is not known: ignored"]
