"""What imported tasks wait for, what is said about their dependencies, and what holds them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.interchange.external_task import ExternalStatus, ExternalTask, Record
from runr.interchange.import_dependencies import Links, link
from runr.query.backlog import reached

DONE, HELD = ExternalStatus.DONE, ExternalStatus.ON_HOLD
LEFT = Record.left_out("line 8", "a message", own="left")
LOST = Record.unreadable("line 9", "not JSON", own="lost")
_FINISHED = ExternalTask(id="finished", stem="f", title="F", status=DONE)
FINISHED = Record.of_task("line 7", _FINISHED, ())


def external(own: str, *needs: str, **facts: Any) -> ExternalTask:
    return ExternalTask(id=own, stem=own, title=own, depends_on=needs, **facts)


def linked(*tasks: ExternalTask) -> dict[str, Links]:
    """Return the links among tasks, beside a record of each kind that is not imported."""
    rows: list[tuple[Record, ExternalTask | None]] = [
        (Record.of_task("line 1", task, ()), task) for task in tasks
    ]
    return link([*rows, (LEFT, None), (LOST, None), (FINISHED, None)])


def needs(*tasks: ExternalTask) -> dict[str, list[str]]:
    return {own: sorted(found.depends_on) for own, found in linked(*tasks).items()}


@pytest.mark.parametrize(
    ("wanted", "depends_on", "changes", "holds"),
    [
        (("b", "b"), ["b"], [], []),
        (("a",), [], ["depends on itself: that dependency is left out"], []),
        (("gone\n",), [], [], ["depends on gone, which is not in the source"]),
        (("lost",), [], [], ["depends on lost, which could not be imported"]),
        (("left",), [], ["depends on left, which is left out: so is the dependency"], []),
        (("finished",), [], [], []),
        (
            ("b-2", "b"),
            ["b-2", "b"],
            ["depends on b, which is there twice: the first is meant"],
            [],
        ),
    ],
)
def test_a_dependency_is_kept_or_named_with_what_became_of_it(
    wanted: tuple[str, ...], depends_on: list[str], changes: list[str], holds: list[str]
) -> None:
    tasks = [external("a", *wanted), external("b")]
    if "b-2" in wanted:
        tasks.append(external("b-2", duplicate_of="b"))
    assert linked(*tasks)["a"] == Links(depends_on=depends_on, changes=changes, holds=holds)


def test_tasks_that_wait_for_each_other_are_named() -> None:
    found = linked(external("a", "b"), external("b", "a"), external("c", "a"), external("d", "d"))
    cannot = "depends on itself by way of other tasks: it cannot start"
    assert [cannot in each.changes for each in found.values()] == [True, True, False, False]


def test_a_part_waits_for_what_the_whole_waits_for_and_the_whole_for_its_parts() -> None:
    assert needs(
        external("whole", "first", "part-1"),
        external("first"),
        external("part-1", parent="whole"),
        external("part-2", parent="whole"),
        external("piece", parent="part-2"),
        external("own", parent="own"),
        external("lone", parent="nowhere"),
    ) == {
        "whole": ["first", "part-1", "part-2"],
        "first": [],
        "part-1": ["first"],
        "part-2": ["first", "piece"],
        "piece": ["first"],
        "own": [],
        "lone": [],
    }


def test_only_what_would_close_a_cycle_is_left_out_of_a_family() -> None:
    assert needs(
        external("whole", "first", "second"),
        external("first", "part-1"),
        external("second"),
        external("part-1", parent="whole"),
        external("part-2", parent="whole"),
    ) == {
        "whole": ["first", "part-1", "part-2", "second"],
        "first": ["part-1"],
        "second": [],
        "part-1": ["second"],
        "part-2": ["first", "second"],
    }


def test_a_cycle_elsewhere_changes_nothing_in_a_family() -> None:
    assert needs(
        external("a", "b"),
        external("b", "a"),
        external("whole", "first"),
        external("first"),
        external("part", parent="whole"),
    ) == {"a": ["b"], "b": ["a"], "whole": ["first", "part"], "first": [], "part": ["first"]}


NAMES = list("abcde")


@given(
    st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), unique=True)),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(NAMES)),
)
def test_families_add_no_cycle_and_take_no_dependency_away(
    wanted: Mapping[str, Sequence[str]], parents: Mapping[str, str]
) -> None:
    before = {name: [n for n in wanted.get(name, ()) if n != name] for name in NAMES}
    tasks = [external(name, *before[name], parent=parents.get(name)) for name in NAMES]
    after = {own: found.depends_on for own, found in linked(*tasks).items()}
    for own in NAMES:
        assert set(before[own]) <= set(after[own])
        assert len(after[own]) == len(set(after[own]))
        on_cycle = any(own in reached(need, after) for need in after[own])
        assert on_cycle == any(own in reached(need, before) for need in before[own])


@pytest.mark.parametrize(
    ("parent", "held"),
    [
        (external("p"), []),
        (external("p", status=HELD), ["its parent p is on hold"]),
        (external("p", "gone"), ["its parent p is on hold"]),
        (external("p", "gone", status=DONE), []),
        (external("p", parent="left"), ["its parent left is left out"]),
        (external("p", parent="lost"), ["its parent lost could not be imported"]),
        (external("p", parent="finished"), []),
        (external("p", parent="c"), []),
        (external("p", parent="gone"), []),
        (external("p", status=HELD, parent="left"), ["its parent p is on hold"]),
    ],
)
def test_the_parts_of_what_may_not_be_started_are_held(
    parent: ExternalTask, held: list[str]
) -> None:
    found = linked(external("c", parent="p"), parent)
    assert (found["c"].holds, found["c"].changes) == (held, [])
    said = parent.parent == "gone"
    gone = ["its parent gone is not in the source: left out"] if said else []
    assert found["p"].changes == gone


def test_a_held_whole_holds_the_pieces_of_its_parts() -> None:
    tasks = [external("a", status=HELD), external("b", parent="a"), external("c", parent="b")]
    found = linked(*tasks)
    assert found["b"].holds == ["its parent a is on hold"]
    assert len(found["c"].holds) == 1
