"""The receipt as a page: what it says, and that no text in it is taken for more."""

import re
from dataclasses import replace
from datetime import datetime

import pytest

from runr.jobs.receipt_model import Receipt, ReceiptCheck, ReceiptTask, ReceiptWait, ReceiptWorker
from runr.jobs.receipt_page import render
from unit.markdown_pages import NASTY, foreign, headings, tokens

BEGUN, ENDED = "2025-01-08T18:00:00.000Z", "2025-01-08T19:00:00.000Z"


def receipt(text: str) -> Receipt:
    """Return the receipt of a job in which everything that a user or a worker names is `text`."""
    completed = ReceiptTask(
        path=f".runr/tasks/{text}",
        track=text,
        step=f"{text}/1",
        result="completed",
        evidence="verified",
        run_ids=["20250108-180000-abcd"],
        commit_sha="1" * 40,
        checks=[ReceiptCheck(command=text, tier="task", exit_code=0, seconds=1)],
        attempts=1,
        worker=text,
        started_at=BEGUN,
        ended_at=ENDED,
        seconds=60,
    )
    failed = replace(
        completed,
        result="failed",
        reason=f"why: {text}",
        code=text,
        detail=text,
        kept_branch=f"runr/{text}",
        commit_sha=None,
        next_steps=["runr why a", f"runr why '{text}'"],
    )
    return Receipt(
        id="20250108-180000-efgh",
        job=text,
        status="failed",
        headline=f"{text} FAILED",
        landed_on=f"runr/{text}",
        lands_on=text,
        base_sha="0" * 40,
        land_step="runr job land",
        take_back_step="runr reset",
        created_at=BEGUN,
        seconds=3600,
        tasks=[completed, failed, replace(failed, result="skipped", run_ids=[])],
        workers=[
            ReceiptWorker(worker=text, tasks=2, cost_usd=None, input_tokens=0, output_tokens=0)
        ],
        stop_reasons={text: 1},
        base_failures=[text],
        not_ready={text: text},
    )


@pytest.mark.parametrize("width", [None, 40])
def test_no_name_command_or_message_forms_a_heading_a_table_a_link_or_html(
    width: int | None,
) -> None:
    usual, page = render(receipt("name"), width), render(receipt(NASTY), width)
    assert headings(page)[1:] == headings(usual)[1:]
    assert foreign(page) == set()
    counted = ("table_open", "tr_open", "td_open", "list_item_open", "code_block")
    for kind in counted:
        count = [each.type for each in tokens(page)].count(kind)
        assert count == [each.type for each in tokens(usual)].count(kind)


def test_a_table_that_is_wider_than_the_terminal_is_a_list() -> None:
    task = replace(receipt("name").tasks[0], changed_count=2)
    shown = replace(receipt("name"), tasks=[task])
    page = render(shown).splitlines()
    row = next(at for at, line in enumerate(page) if line.startswith("| name "))
    assert [cell.strip() for cell in page[row].split("|")[1:-1]] == [
        *("name", "✓ completed", "verified", "111111111111", "2"),
        *("1", "1m 00s", "", "0", "✓ `name` 1.0s"),
    ]
    assert page[row - 2].index("checks") == page[row].index("✓ `name`")
    assert render(shown, 200) == render(shown)
    narrow = render(shown, 60)
    entry = [
        "- name",
        "  ✓ completed, verified, 111111111111, 2 files",
        "  ✓ `name` 1.0s",
        "  1 attempt, 1m 00s, 0 tokens",
    ]
    assert "\n".join(entry) in narrow
    assert "|" not in narrow


def test_a_task_that_waits_for_a_limit_needs_no_person_and_its_wait_is_shown() -> None:
    usual = receipt("name")
    waited = ReceiptWait(started_at=BEGUN, ended_at=ENDED, seconds=3600, code="usage_limit")
    waits = replace(waited, ended_at=None, seconds=60)
    parked = replace(
        usual.tasks[1],
        path=".runr/tasks/parked.md",
        result="waiting",
        not_before=ENDED,
        waits=[waited, waits],
    )
    page = render(replace(usual, tasks=[parked]))
    assert "## What needs a person" not in page
    begun, ended = (f"{datetime.fromisoformat(at).astimezone():%H:%M}" for at in (BEGUN, ENDED))
    shown = page.split("## Waits\n\n")[1].splitlines()[:2]
    why = "the usage limit of the worker's account is reached"
    assert shown == [
        f"- parked.md: {begun} to {ended} (1h 00m), {why}",
        f"- parked.md: {begun} to {ended} at least, {why}",
    ]
    held = replace(parked, not_before=None, waits=[], needs_human=True)
    assert "## What needs a person" in render(replace(usual, tasks=[held]))


def at(time: str) -> str:
    """Return a time of the evening of the job."""
    return f"2025-01-08T{time}:00.000Z"


def test_the_tracks_show_side_by_side_when_each_task_was_worked_on_and_when_it_waited() -> None:
    usual = receipt("name")
    limit = ReceiptWait(started_at=at("18:15"), ended_at=at("18:45"), seconds=1800, code="x")
    tasks = [
        replace(usual.tasks[0], path="first.md", started_at=at("18:00"), ended_at=at("18:30")),
        replace(usual.tasks[0], path="waited.md", started_at=at("18:00"), waits=[limit]),
        replace(usual.tasks[1], path="短い.md", started_at=at("18:30"), ended_at=at("18:30")),
        replace(usual.tasks[1], path="last.md", started_at=at("19:00"), ended_at=None),
    ]
    page = render(replace(usual, tasks=tasks, seconds=3600), 75)
    section = page.split("## Tracks\n\n")[1].split("\n\n##")[0]
    assert section.startswith("name:\n\n    ✓ first.md")
    times = r"\d\d:\d\d(?:-\d\d:\d\d| {6})  "
    assert [re.split(times, line)[1] for line in section.splitlines()[2:]] == [
        "█" * 20,
        "█" * 10 + "·" * 20 + "█" * 10,
        " " * 20 + "█",
        " " * 39 + "█",
    ]
