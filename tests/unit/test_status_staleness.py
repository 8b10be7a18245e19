"""Which completed tasks are stale, and every reason for it."""

from typing import Any

import pytest

from runr.status import staleness
from runr.status.model import Entry, State
from runr.status.staleness import NO_CHANGES, Changes, StaleTrigger, find_stale_reasons
from runr.tasks.model import Task, Watched
from unit.status_entries import A, B, C, completed

D = ".runr/tasks/d.md"
EVERYTHING: tuple[Watched, ...] = ("text", "owns", "dependency", "reverted")
EARLY, NOON, LATE = (f"2025-01-08T{hour}:00:00Z" for hour in ("08", "12", "16"))
DIGEST = "3" * 64
REVERTING, OTHER = "a" * 40, "b" * 40


def task(path: str, **fields: Any) -> Task:
    return Task(**{"path": path, "title": path, "sha256": DIGEST, **fields})


def reasons(
    entries: dict[str, Entry],
    dependencies: dict[str, list[str]] | None = None,
    *,
    changes: Changes = NO_CHANGES,
    usual: tuple[Watched, ...] = EVERYTHING,
    **fields: Any,
) -> dict[str, list[tuple[str, str]]]:
    """Return cause and message of each reason, by task; `fields` are those of task A."""
    tasks = [task(A, **fields), task(B), task(C)]
    found = find_stale_reasons(tasks, entries, dependencies or {}, usual, changes)
    return {
        path: [(reason.cause.value, reason.message) for reason in all_]
        for path, all_ in found.items()
    }


@pytest.mark.parametrize("digest", ["2" * 64, "4" * 64])
def test_a_task_whose_text_changed_after_its_completion_is_stale(digest: str) -> None:
    edited = completed(task_sha256=digest)
    assert reasons({A: edited, B: completed()}) == {A: [("text", "its text has changed since")]}
    assert staleness.is_edited(task(A), edited)
    assert not staleness.is_edited(task(A), completed())


@pytest.mark.parametrize("digest", [None, ""])
def test_a_completion_that_records_no_text_is_not_stale_for_it(digest: str | None) -> None:
    assert reasons({A: completed(task_sha256=digest)}) == {}
    assert staleness.is_edited(task(A), completed(task_sha256=digest)) is False


@pytest.mark.parametrize("state", [each for each in State if each is not State.COMPLETED])
def test_a_task_that_is_not_completed_is_never_stale(state: State) -> None:
    entry = completed(task_sha256="4" * 64, status=state)
    assert (
        reasons(
            {A: entry},
            changes=Changes(reverted={A: OTHER}, dropped={}, undone={}, outside={A: (OTHER,)}),
        )
        == {}
    )
    assert not staleness.is_edited(task(A), entry)


def test_a_reverted_commit_and_an_outside_change_name_the_commits() -> None:
    changes = Changes(
        reverted={A: REVERTING},
        dropped={},
        undone={},
        outside={A: (OTHER,), B: (OTHER, REVERTING, "c")},
    )
    found = find_stale_reasons(
        [task(A), task(B)], {A: completed(), B: completed()}, {}, EVERYTHING, changes
    )
    assert [(reason.cause, reason.message, reason.commits) for reason in found[A]] == [
        (StaleTrigger.REVERTED, "its commit was reverted by aaaaaaaaaaaa", (REVERTING,)),
        (StaleTrigger.OWNS, "what it owns was changed by bbbbbbbbbbbb", (OTHER,)),
    ]
    (owns,) = found[B]
    assert owns.message == "what it owns was changed by bbbbbbbbbbbb and 2 more"
    assert owns.commits == (OTHER, REVERTING, "c")


def test_a_second_commit_is_one_more() -> None:
    changes = Changes(reverted={}, dropped={}, undone={}, outside={A: (OTHER, REVERTING)})
    message = "what it owns was changed by bbbbbbbbbbbb and 1 more"
    assert reasons({A: completed()}, changes=changes) == {A: [("owns", message)]}


@pytest.mark.parametrize(
    ("confirmed", "stale"),
    [
        ({"sequence": 1}, True),
        ({"sequence": 2}, False),
        ({"sequence": 3}, False),
        ({"sequence": 1, "acknowledged_sequence": 3}, False),
        ({"sequence": 1, "completed_at": LATE}, True),
        ({"sequence": 3, "completed_at": EARLY}, False),
        ({"sequence": 0}, False),
    ],
    ids=str,
)
def test_a_dependency_makes_stale_only_what_was_confirmed_before_it_was_completed(
    confirmed: dict[str, Any], stale: bool
) -> None:
    entries = {A: completed(**confirmed), B: completed(completed_at=NOON, sequence=2)}
    message = ("dependency", "b.md was completed again later")
    assert reasons(entries, {A: [B]}) == ({A: [message]} if stale else {})


def test_a_dependency_that_is_not_completed_or_has_no_sequence_makes_nothing_stale() -> None:
    early = completed(sequence=1)
    failed = completed(sequence=2, status=State.FAILED)
    assert reasons({A: early, B: failed}, {A: [B]}) == {}
    assert reasons({A: early, B: completed()}, {A: [B]}) == {}
    assert reasons({A: early}, {A: [B]}) == {}


def test_every_later_dependency_is_named() -> None:
    late = completed(sequence=2)
    entries = {A: completed(sequence=1), B: late, C: late}
    message = "b.md, c.md was completed again later"
    assert reasons(entries, {A: [B, C]}) == {A: [("dependency", message)]}


def test_what_depends_on_a_stale_task_is_stale_also_through_others() -> None:
    entries = {A: completed(), B: completed(), C: completed(task_sha256="4" * 64)}
    upstream = ("upstream", "it builds on c.md, which is stale")
    found = reasons(entries, {A: [B], B: [C]})
    assert found == {A: [upstream], B: [upstream], C: [("text", "its text has changed since")]}


def test_the_nearest_stale_dependency_is_named_and_others_are_not_affected() -> None:
    edited = completed(task_sha256="4" * 64)
    entries = {A: completed(), B: edited, C: edited}
    found = reasons(entries, {A: [B], B: [C]})
    assert found[A] == [("upstream", "it builds on b.md, which is stale")]
    assert [cause for cause, _ in found[B]] == ["text", "upstream"]
    assert reasons({A: completed(), B: edited}).keys() == {B}


def test_each_of_several_paths_from_a_stale_task_is_followed() -> None:
    entries = {path: completed() for path in (B, C, D)} | {A: completed(task_sha256="4" * 64)}
    needs = {B: [A], C: [A, B], D: [B]}
    found = find_stale_reasons([task(A), *map(task, needs)], entries, needs, EVERYTHING)
    messages = {path: reason.message for path in needs for reason in found[path]}
    assert messages == dict.fromkeys(needs, "it builds on a.md, which is stale")


@pytest.mark.parametrize("needs", [{A: [A]}, {A: [B], B: [A]}, {A: [B], B: [C], C: [A]}])
def test_a_stale_task_does_not_build_on_itself(needs: dict[str, list[str]]) -> None:
    entries = {A: completed(task_sha256="4" * 64), B: completed(), C: completed()}
    found = reasons(entries, needs)
    assert found.pop(A) == [("text", "its text has changed since")]
    assert set(map(tuple, found.values())) <= {
        (("upstream", "it builds on a.md, which is stale"),),
    }


def test_of_two_stale_dependencies_the_first_is_named() -> None:
    edited = completed(task_sha256="4" * 64)
    found = reasons({A: completed(), B: edited, C: edited}, {A: [C, B]})
    assert found[A] == [("upstream", "it builds on c.md, which is stale")]


def test_a_cycle_of_dependencies_comes_to_an_end() -> None:
    entries = {A: completed(), B: completed(), C: completed(task_sha256="4" * 64)}
    assert reasons(entries, {A: [B], B: [A, B]}).keys() == {C}


def test_the_settings_and_the_header_together_say_what_is_watched() -> None:
    entries = {A: completed(task_sha256="4" * 64), B: completed(task_sha256="4" * 64)}
    changes = Changes(reverted={A: OTHER, B: OTHER}, dropped={}, undone={}, outside={})
    found = reasons(entries, changes=changes, usual=("reverted",), stale_on=("text",))
    assert {path: [cause for cause, _ in all_] for path, all_ in found.items()} == {
        A: ["text", "reverted"],
        B: ["reverted"],
    }
    assert reasons(entries, changes=changes, usual=()) == {}
