"""The picture of tasks as data, for Graphviz and for Mermaid."""

from typing import Any

import pytest

from runr.graphics.chart import PAINTS, Box, Chart, box, render_dot, render_mermaid, sign
from runr.query.task_state import TaskState
from runr.status.model import Entry, Evidence, State
from runr.tasks.model import Task


def boxed(path: str, **facts: Any) -> Box:
    known = {"path": path, "name": path.upper(), "title": f"Do {path}", "sign": "○"}
    return Box(**(known | {"kind": "ready"} | facts))


PICTURE = Chart(
    boxes=(boxed("a", kind="verified", sign="✓"), boxed("b", critical=True), boxed("c")),
    needs={"a": (), "b": ("a",), "c": ("b", "a")},
    critical=("b", "c"),
)


def test_an_arrow_leads_to_what_needs_a_task_and_is_critical_on_the_longest_chain() -> None:
    assert PICTURE.arrows() == [("a", "b", False), ("b", "c", True), ("a", "c", False)]
    assert PICTURE.counts() == {"verified": 1, "ready": 2}
    assert list(PICTURE.counts()) == ["verified", "ready"]


def test_graphviz_reads_boxes_and_arrows_with_their_looks() -> None:
    lines = render_dot(PICTURE).splitlines()
    assert lines[0] == "digraph tasks {"
    ready, done = PAINTS["ready"], PAINTS["verified"]
    assert lines[4:] == [
        f'  "a" [label="✓ A", tooltip="Do a", color="{done.line}", fillcolor="{done.fill}"]',
        (
            f'  "b" [label="○ B", tooltip="Do b", color="{ready.line}", fillcolor="{ready.fill}",'
            " penwidth=2]"
        ),
        f'  "c" [label="○ C", tooltip="Do c", color="{ready.line}", fillcolor="{ready.fill}"]',
        '  "a" -> "b"',
        '  "b" -> "c" [color="#1f2328", penwidth=2]',
        '  "a" -> "c"',
        "}",
    ]


def test_mermaid_reads_boxes_and_arrows_with_their_classes() -> None:
    ready, done = PAINTS["ready"], PAINTS["verified"]
    assert render_mermaid(PICTURE).splitlines() == [
        "flowchart LR",
        '  t0["✓ A"]:::verified',
        '  t1["○ B"]:::ready',
        '  t2["○ C"]:::ready',
        "  t0 --> t1",
        "  t1 ==> t2",
        "  t0 --> t2",
        f"  classDef verified fill:{done.fill},stroke:{done.line},color:#1f2328",
        f"  classDef ready fill:{ready.fill},stroke:{ready.line},color:#1f2328",
    ]


DONE = Entry(status=State.COMPLETED)


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        (Entry(), "○"),
        (Entry(status=State.IN_PROGRESS), "◐"),
        (Entry(status=State.STOPPED), "■"),
        (Entry(status=State.FAILED, evidence=Evidence.ATTESTED), "✗"),
        (DONE, "✓"),
        (Entry(status=State.COMPLETED, evidence=Evidence.VERIFIED), "✓"),
        (Entry(status=State.COMPLETED, evidence=Evidence.WORKSPACE), "◇"),
        (Entry(status=State.COMPLETED, evidence=Evidence.ATTESTED), "✎"),
        (Entry(status=State.COMPLETED, evidence=Evidence.INFERRED), "≈"),
    ],
)
def test_a_task_has_the_sign_of_its_status_or_of_its_evidence(entry: Entry, shown: str) -> None:
    task = Task("a.md", "A")
    assert sign(TaskState(task=task, entry=entry)) == shown
    assert sign(TaskState(task=task, entry=entry, absent="missing")) == "◌"


def test_a_box_shows_a_task_under_its_name_without_the_ending() -> None:
    task_state = TaskState(task=Task(".runr/tasks/x/a.md", "Do it"))
    assert box(task_state, (".runr/tasks/x/a.md",)) == Box(
        path=".runr/tasks/x/a.md",
        name="x/a",
        title="Do it",
        sign="○",
        kind="ready",
        critical=True,
    )
    assert not box(task_state).critical
