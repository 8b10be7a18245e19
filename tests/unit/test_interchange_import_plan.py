"""What an import plans: no circle that the source does not have, no name that leads elsewhere."""

from graphlib import TopologicalSorter

from hypothesis import given
from hypothesis import strategies as st

from runr.interchange.external_task import ExternalTask
from runr.interchange.import_plan import ImportOptions, plan_import, safe_text
from runr.tasks.parser import parse

IDS = [str(number) for number in range(6)]


def tasks(needs: list[set[int]], parents: list[int | None]) -> list[ExternalTask]:
    """Return tasks that only wait for earlier ones, with any parents."""
    return [
        ExternalTask(
            id=own,
            stem=own,
            title=own,
            depends_on=tuple(IDS[before] for before in sorted(needs[number]) if before < number),
            parent=None if (parent := parents[number]) is None else IDS[parent],
        )
        for number, own in enumerate(IDS)
    ]


@given(
    needs=st.lists(st.sets(st.integers(0, 5)), min_size=6, max_size=6),
    parents=st.lists(st.none() | st.integers(0, 5), min_size=6, max_size=6),
)
def test_parents_lead_nobody_round_in_a_circle(
    needs: list[set[int]], parents: list[int | None]
) -> None:
    given = tasks(needs, parents)
    rows = plan_import(given, ImportOptions(tool="beads"), {}, ())
    waits = {row.name.removesuffix(".md"): set(row.depends_on) for row in rows}
    TopologicalSorter(waits).prepare()
    for task in given:
        assert set(task.depends_on) <= waits[task.id]


@given(st.text(max_size=40))
def test_any_text_makes_a_name_that_stays_in_its_folder(text: str) -> None:
    name = safe_text(text)
    assert name
    assert not name.startswith(".")
    assert "/" not in name
    assert "\0" not in name
    assert len(f"{name}.md".encode()) < 255


@given(tag=st.text(max_size=12), identity=st.text(max_size=12), body=st.text(max_size=40))
def test_any_foreign_text_makes_a_task_without_a_problem(
    tag: str, identity: str, body: str
) -> None:
    one = ExternalTask(id=identity, stem="x", title="T", body=body, tags=(tag,))
    (row,) = plan_import([one], ImportOptions(tool="beads"), {}, ())
    task = parse(".runr/tasks/x.md", row.content)
    assert task.problems == ()
    assert task.title == "T"
    assert task.source == row.source
