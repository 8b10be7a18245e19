"""The plan of an import: no added cycles, no path outside of its folder."""

from dataclasses import replace
from graphlib import TopologicalSorter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runr.interchange.external_task import ExternalStatus, ExternalTask, Record
from runr.interchange.import_plan import ImportOptions, PlannedRecord, plan_import
from runr.interchange.task_file import safe_stem
from runr.tasks.model import TaskType
from runr.tasks.parser import parse

IDS = [str(number) for number in range(6)]
BEADS = ImportOptions(tool="beads", title="Beads")


def external(own: str, **facts: object) -> ExternalTask:
    return replace(ExternalTask(id=own, stem=own, title=f"Task {own}", body="Do it."), **facts)  # type: ignore[arg-type] # a test names fields


def planned(
    *tasks: ExternalTask, options: ImportOptions = BEADS, others: tuple[Record, ...] = ()
) -> list[PlannedRecord]:
    records = [Record.of_task(f"line {n}", task, ()) for n, task in enumerate(tasks, start=1)]
    return list(plan_import([*records, *others], options))


def tasks(needs: list[set[int]], parents: list[int | None]) -> list[ExternalTask]:
    """Return tasks that only wait for earlier ones, with any parents."""
    return [
        external(
            own,
            depends_on=tuple(IDS[before] for before in sorted(needs[number]) if before < number),
            parent=None if (parent := parents[number]) is None else IDS[parent],
        )
        for number, own in enumerate(IDS)
    ]


@given(
    needs=st.lists(st.sets(st.integers(0, 5)), min_size=6, max_size=6),
    parents=st.lists(st.none() | st.integers(0, 5), min_size=6, max_size=6),
)
def test_parents_make_no_cycle(needs: list[set[int]], parents: list[int | None]) -> None:
    given = tasks(needs, parents)
    rows = planned(*given)
    waits = {row.name.removesuffix(".md"): set(row.depends_on) for row in rows}
    TopologicalSorter(waits).prepare()
    for task in given:
        assert set(task.depends_on) <= waits[task.id]


@given(st.text(max_size=40))
def test_any_text_makes_a_name_that_stays_in_its_folder(text: str) -> None:
    name = safe_stem(text)
    assert name
    assert not name.startswith(".")
    assert "/" not in name
    assert "\0" not in name
    assert len(f"{name}.md".encode()) < 255


@given(
    tag=st.text(max_size=12),
    own=st.text(max_size=12),
    body=st.text(max_size=40),
    word=st.text(max_size=12),
    status=st.sampled_from(ExternalStatus),
)
@example(tag="", own="a: b #c", body="", word="", status=ExternalStatus.OPEN)
@example(tag="x: [", own="[a", body="---", word="", status=ExternalStatus.ON_HOLD)
def test_any_foreign_text_makes_a_task_without_a_problem(
    tag: str, own: str, body: str, word: str, status: ExternalStatus
) -> None:
    one = external(own, title="T", body=body, tags=(tag,), status=status, raw_status=word)
    (row,) = planned(replace(one, holds=("status",) if status is ExternalStatus.ON_HOLD else ()))
    if status is ExternalStatus.CANCELLED:
        assert (row.outcome, row.content) == ("left_out", b"")
        return
    task = parse(".runr/tasks/x.md", row.content)
    assert task.problems == ()
    assert task.title == "T"
    assert task.source == row.source
    held = status in (ExternalStatus.ON_HOLD, ExternalStatus.DONE)
    assert task.type is (TaskType.MANUAL if held else TaskType.AUTOMATED)


def test_a_second_task_with_an_id_is_numbered_and_a_copy_is_left_out() -> None:
    first, other = external("4"), external("4", body="Another.")
    rows = planned(first, other, first, external("4-2"), external("5", depends_on=("4",)))
    assert [row.source for row in rows] == ["beads:4", "beads:4-3", "", "beads:4-2", "beads:5"]
    assert rows[1].changes == ("duplicate id `4`: numbered 4-3",)
    assert (rows[2].outcome, rows[2].reason) == ("left_out", "the same as line 1")
    assert rows[4].changes == ("depends on 4, which is there twice: the first is meant",)
    assert rows[4].depends_on == ("4",)


@pytest.mark.parametrize(
    ("other", "hold"),
    [
        (Record.unreadable("line 9", "not JSON", own="9"), "9, which could not be imported"),
        (Record.left_out("line 8", "a message", own="8"), "9, which is not in the source"),
    ],
)
def test_a_task_whose_dependency_is_unknown_is_held(other: Record, hold: str) -> None:
    row, _ = planned(external("1", depends_on=("9",)), others=(other,))
    assert row.holds == (f"depends on {hold}",)
    assert parse(".runr/tasks/x.md", row.content).type is TaskType.MANUAL


def test_a_dependency_on_what_is_left_out_is_named_and_dropped() -> None:
    gone = external("2", status=ExternalStatus.CANCELLED, raw_status="cancelled")
    row, left = planned(external("1", depends_on=("2", "1")), gone)
    assert row.depends_on == row.holds == ()
    assert row.changes == (
        "depends on 2, which is left out: so is the dependency",
        "depends on itself: that dependency is left out",
    )
    assert (left.outcome, left.reason) == ("left_out", "status `cancelled`")


@pytest.mark.parametrize(
    ("status", "holds"),
    [
        (ExternalStatus.ON_HOLD, ("its parent 1 is on hold",)),
        (ExternalStatus.CANCELLED, ("its parent 1 is left out",)),
        (ExternalStatus.DONE, ()),
        (ExternalStatus.OPEN, ()),
    ],
)
def test_the_parts_of_what_is_held_are_held(status: ExternalStatus, holds: tuple[str, ...]) -> None:
    parent = external("1", status=status, raw_status="word")
    child = external("1.1", parent="1")
    rows = planned(parent, child, external("1.1.1", parent="1.1"))
    assert rows[1].holds == holds
    assert bool(rows[2].holds) == bool(holds)


@pytest.mark.parametrize(
    ("policy", "outcome", "kind"),
    [
        ("hold", "changed", TaskType.MANUAL),
        ("attest", "imported", TaskType.AUTOMATED),
        ("pending", "imported", TaskType.AUTOMATED),
        ("skip", "left_out", None),
    ],
)
def test_what_is_done_elsewhere_follows_the_policy(
    policy: str, outcome: str, kind: TaskType | None
) -> None:
    options = replace(BEADS, done=policy)  # type: ignore[arg-type] # a policy by name
    done = external("1", status=ExternalStatus.DONE, raw_status="closed")
    row, after = planned(done, external("2", depends_on=("1",)), options=options)
    assert row.outcome == outcome
    assert after.depends_on == (() if policy == "skip" else ("1",))
    if kind:
        assert parse(".runr/tasks/x.md", row.content).type is kind


@pytest.mark.parametrize(
    ("policy", "status", "holds", "tags"),
    [
        (
            "hold",
            ExternalStatus.DONE,
            ("done in Beads, not attested",),
            ("ui", "closed-now", "new"),
        ),
        ("attest", ExternalStatus.DONE, (), ("ui", "new")),
        ("pending", ExternalStatus.DONE, ("why",), ("ui", "closed-now", "new")),
        ("hold", ExternalStatus.ON_HOLD, ("why",), ("ui", "closed-now", "new")),
        ("hold", ExternalStatus.OPEN, ("why",), ("ui", "new")),
    ],
)
def test_a_held_task_is_tagged_with_the_word_of_the_other_tool(
    policy: str, status: ExternalStatus, holds: tuple[str, ...], tags: tuple[str, ...]
) -> None:
    options = replace(BEADS, done=policy, tags=("new", "ui"))  # type: ignore[arg-type] # a policy by name
    task = external("1", status=status, raw_status="Closed now", holds=("why",), tags=("ui", ""))
    (row,) = planned(task, options=options)
    assert (row.holds, row.task and row.task.tags) == (holds, tags)
    assert row.done == (status is ExternalStatus.DONE)
    assert [change for change in row.changes if change.endswith(": on hold")] == [
        f"{hold}: on hold" for hold in holds
    ]


def test_what_is_left_out_or_there_already_takes_no_name() -> None:
    options = replace(BEADS, known={"beads:3": "old.md"}, into="sub")
    rows = planned(
        external("1", stem="a", status=ExternalStatus.CANCELLED, raw_status="x"),
        external("2", stem="a"),
        external("3", stem="a"),
        external("4", stem="b", depends_on=("3", "2")),
        options=options,
    )
    assert [row.name for row in rows] == ["", "sub/a.md", "old.md", "sub/b.md"]
    assert [row.outcome for row in rows] == ["left_out", "imported", "present", "imported"]
    assert [row.writes for row in rows] == [False, True, False, True]
    assert [row.done for row in rows] == [False] * 4
    assert rows[3].depends_on == ("old", "a")


def test_a_name_that_is_taken_is_numbered_and_reported() -> None:
    options = replace(BEADS, taken=frozenset({"A.md"}))
    rows = planned(external("a"), external("b", stem="a"), options=options)
    assert [row.name for row in rows] == ["a-2.md", "a-3.md"]
    assert rows[0].changes == ("a.md is there already: written as a-2.md",)


def test_nothing_is_written_through_a_link() -> None:
    options = replace(BEADS, links=frozenset({"autumn"}))
    held, after = planned(
        external("a", folder="autumn"), external("b", depends_on=("a",)), options=options
    )
    assert (held.outcome, held.content) == ("failed", b"")
    assert "autumn is a link" in held.reason
    assert after.holds == ("depends on a, which could not be imported",)
