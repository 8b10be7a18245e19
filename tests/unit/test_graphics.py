"""The graph as SVG, Mermaid, dot and tree: valid, readable and reproducible."""

import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.graphics import chart, svg, tree
from runr.graphics.chart import Box, Chart
from runr.graphics.layout import Spacing, layout_graph
from runr.query import task_state

NAMES = list("abcdefgh")
SVG = "{http://www.w3.org/2000/svg}"
EVIL = '</text><script>alert("x")</script> & \x00\x1b\ud800 \u202e "quoted" \\N #9829; `x`'
Links = Mapping[str, Sequence[str]]

links = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4, unique=True)
).map(lambda found: {n: found.get(n, []) for n in NAMES})


def drawn(needs: Links, *, name: str = "{}", title: str = "Do it") -> Chart:
    boxes = tuple(
        Box(path=path, name=name.format(path), title=title, sign="○", kind="ready")
        for path in needs
    )
    return Chart(boxes=boxes, needs=needs)


@given(links)
def test_boxes_do_not_overlap_and_dependents_are_to_the_right(needs: Links) -> None:
    size = Spacing()
    layout = layout_graph(needs, size)
    assert set(layout.corners) == set(needs)
    for (x, y), (left, top) in combinations(layout.corners.values(), 2):
        assert abs(x - left) >= size.width or abs(y - top) >= size.height
    for x, y in layout.corners.values():
        assert 0 <= x <= layout.width - size.width
        assert -0.01 <= y <= layout.height - size.height + 0.01
    in_order = {name: [need for need in needs[name] if need < name] for name in needs}
    corners = layout_graph(in_order, size).corners
    assert all(corners[need][0] < corners[n][0] for n in in_order for need in in_order[n])


@given(st.text(), st.text())
def test_any_name_and_title_is_valid_xml(name: str, title: str) -> None:
    boxes = (
        Box(path=name, name=name, title=title, sign="✓", kind="verified"),
        Box(path=f"{name}2", name=EVIL, title=EVIL, sign="✗", kind="failed", critical=True),
    )
    text = svg.render_svg(Chart(boxes=boxes, needs={name: [], f"{name}2": [name]}))
    root = ET.fromstring(text.encode("utf-8", "surrogatepass"))  # noqa: S314 - ours
    assert root.tag == f"{SVG}svg"
    assert not list(root.iter(f"{SVG}script"))


@given(links)
def test_an_svg_has_a_box_for_each_task_an_arrow_for_each_link_and_is_always_the_same(
    needs: Links,
) -> None:
    text = svg.render_svg(drawn(needs))
    root = ET.fromstring(text)  # noqa: S314 - ours
    arrows = [path for path in root.iter(f"{SVG}path") if "way" in path.attrib["class"]]
    assert len(arrows) == sum(end != name for name, ends in needs.items() for end in ends)
    assert len([r for r in root.iter(f"{SVG}rect") if r.attrib.get("rx") == "7"]) == len(needs)
    assert svg.render_svg(drawn(needs)) == text


def test_long_and_wide_names_are_shortened_to_what_fits() -> None:
    chart_ = Chart(
        boxes=(Box(path="p", name="日本" * 30, title="x" * 200, sign="○", kind="blocked"),),
        needs={"p": []},
    )
    root = ET.fromstring(svg.render_svg(chart_))  # noqa: S314 - ours
    texts = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert "…" + "本日本日本日本日本日本"[-11:] in texts
    assert "x" * 28 + "…" in texts


def test_mermaid_and_dot_take_any_name_as_text() -> None:
    picture = drawn({"a": [], "b": ["a"]}, name=EVIL.replace("{", "").replace("}", ""))
    label = re.search(r't0\["(.*)"\]:::ready', chart.render_mermaid(picture))
    assert label
    assert not set(label[1]) & set('"<>&`\\[]{}()|\x00\x1b')
    lines = chart.render_dot(picture).splitlines()
    assert '  "a" -> "b"' in lines
    [first] = [line for line in lines if line.startswith('  "a" [')]
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', first)
    assert r"\\N" in strings[1]
    assert re.sub(r'"(?:[^"\\]|\\.)*"', "", first) == "   [label=, tooltip=, color=, fillcolor=]"


@given(links)
def test_the_tree_has_each_task_once_and_marks_cycles(needs: Links) -> None:
    below = {name: [n for n in NAMES if name in needs[n]] for name in NAMES}
    shown = list(tree.lines(NAMES, below, depth=100, alike=lambda _: ""))
    named = [line.path for line in shown if line.kind == "task"]
    folded = sum(line.count for line in shown if line.kind == "more")
    assert len(named) == len(set(named))
    assert folded == 0
    assert set(named) == set(NAMES)
    mutual = any(_leads(below, end, name) for name in NAMES for end in below[name])
    assert any(line.kind == "round" for line in shown) == mutual


def test_leaves_that_look_alike_are_folded_and_depth_is_said() -> None:
    leaves = [f"{number:03}" for number in range(100)]
    below: Links = {"top": leaves, "000": ["deep"], "deep": ["deeper"]}
    shown = list(tree.lines(["top"], below, depth=3, alike=lambda _: "pending"))
    assert [(line.stem, line.path, line.kind) for line in shown[:4]] == [
        ("", "top", "task"),
        ("├─ ", "000", "task"),
        ("│  └─ ", "deep", "deeper"),
        ("├─ ", "001", "task"),
    ]
    assert (shown[-1].stem, shown[-1].kind, shown[-1].count) == ("└─ ", "more", 91)
    assert len(shown) == 12


@pytest.mark.parametrize("size", [5_000, pytest.param(50_000, marks=pytest.mark.long)])
def test_a_chain_of_thousands_of_tasks_is_drawn_without_recursion(size: int) -> None:
    names = [f"{number:05}" for number in range(size)]
    needs = {name: names[max(0, n - 1) : n] for n, name in enumerate(names)}
    corners = layout_graph(needs, Spacing()).corners
    assert len({x for x, _ in corners.values()}) == len(names)
    below = {name: names[n + 1 : n + 2] for n, name in enumerate(names)}
    assert len(list(tree.lines(names[:1], below, depth=12, alike=str))) == 12


def test_every_kind_has_a_colour() -> None:
    assert set(chart.PAINTS) == set(task_state.DISPLAY_STATUSES)


def _leads(links: Links, start: str, end: str) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        fresh = set(links[waiting.pop()]) - seen
        seen |= fresh
        waiting += fresh
    return end in seen
