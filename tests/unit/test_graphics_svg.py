"""The picture of tasks as SVG: its headline, legend, boxes, and the lines between them."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from runr.graphics.chart import Box, Chart
from runr.graphics.svg import render_svg

_NS = "{http://www.w3.org/2000/svg}"


def box(path: str, **facts: Any) -> Box:
    return Box(**({"path": path, "name": path, "title": "T", "sign": "○", "kind": "ready"} | facts))


def drawn(*boxes: Box, critical: tuple[str, ...] = (), **needs: list[str]) -> ET.Element:
    """Return the picture of these boxes, each with what it needs."""
    links = {each.path: needs.get(each.path, []) for each in boxes}
    text = render_svg(Chart(boxes=boxes, needs=links, critical=critical))
    return ET.fromstring(text)  # noqa: S314 - ours


def texts(root: ET.Element, kind: str) -> list[str]:
    found = root.iter(f"{_NS}text")
    return [text.text or "" for text in found if kind in text.attrib["class"].split()]


def lines(root: ET.Element, kind: str = "way") -> list[tuple[str, str]]:
    """Return the further classes of each line between boxes, or of each tip, and how it goes."""
    classes = ((path, path.attrib["class"].split()) for path in root.iter(f"{_NS}path"))
    return [(" ".join(more), path.attrib["d"]) for path, (name, *more) in classes if name == kind]


@pytest.mark.parametrize(
    ("count", "critical", "headline"),
    [
        (0, "", "0 tasks"),
        (1, "", "1 task"),
        (1, "a", "1 task"),
        (2, "", "2 tasks"),
        (2, "a", "2 tasks"),
        (2, "ab", "2 tasks, critical path 2 long"),
        (3, "abc", "3 tasks, critical path 3 long"),
    ],
)
def test_the_headline_counts_the_tasks_and_the_critical_path(
    count: int, critical: str, headline: str
) -> None:
    root = drawn(*(box(path) for path in "abc"[:count]), critical=tuple(critical))
    assert texts(root, "head") == [headline]
    assert root.findtext(f"{_NS}title") == headline


def test_the_legend_counts_each_kind_in_its_colour_and_words() -> None:
    kinds = ("ready", "in_progress", "ready", "waiting", "failed")
    root = drawn(*(box(path, kind=kind) for path, kind in zip("abcde", kinds, strict=True)))
    legend = {
        group.attrib["class"]: group.findtext(f"{_NS}text")
        for group in root.iter(f"{_NS}g")
        if "transform" not in group.attrib
    }
    assert legend == {
        "in_progress": "1 in progress",
        "ready": "2 ready",
        "waiting": "1 for a person",
        "failed": "1 failed",
    }
    places = [
        float(rect.attrib["x"]) for rect in root.iter(f"{_NS}rect") if rect.attrib.get("rx") == "3"
    ]
    assert places[0] == 24
    assert places == sorted(set(places))


def test_a_box_of_the_critical_path_is_drawn_as_such() -> None:
    root = drawn(box("a", critical=True), box("b", kind="failed"))
    boxes = [
        (group.attrib["class"], group.findtext(f"{_NS}title"))
        for group in root.iter(f"{_NS}g")
        if group.find(f"{_NS}title") is not None
    ]
    assert boxes == [("ready critical", "a: ready"), ("failed", "b: failed")]


def test_a_level_link_is_straight_and_ends_before_its_tip() -> None:
    root = drawn(box("a"), box("b"), b=["a"])
    assert lines(root) == [("", "M220 23L278 23")]
    assert lines(root, "tip") == [("", "M284 23l-7 -3.6v7.2z")]


def test_a_link_to_another_height_leaves_and_arrives_level() -> None:
    root = drawn(box("a"), box("x"), box("y"), x=["a"], y=["a"])
    assert lines(root) == [
        ("", "M220 54C249 54 249 23 278 23"),
        ("", "M220 54C249 54 249 85 278 85"),
    ]


def test_a_link_across_a_column_bends_in_the_gaps_and_ends_at_its_box() -> None:
    root = drawn(box("a"), box("b"), box("c"), b=["a"], c=["a", "b"])
    (across,) = (way for _, way in lines(root) if way.startswith("M220") and "L" in way)
    # Level through the column of b, and with room for the tip only at its end.
    assert across == "M220 46C252 46 252 69 284 69L504 69C533 69 533 46 562 46"
    assert lines(root, "tip")[1] == ("", "M568 46l-7 -3.6v7.2z")


def test_the_links_of_the_critical_path_are_drawn_above_the_others() -> None:
    root = drawn(box("a"), box("b"), box("c"), b=["a"], c=["a", "b"], critical=("a", "b", "c"))
    assert [kind for kind, _ in lines(root)] == ["", "critical", "critical"]
    assert [kind for kind, _ in lines(root, "tip")] == ["", "critical", "critical"]


def test_a_link_back_goes_around_the_boxes_and_is_never_critical() -> None:
    root = drawn(box("a"), box("b"), a=["b"], b=["a"], critical=("b", "a"))
    assert lines(root) == [
        ("", "M220 23L278 23"),
        ("round", "M504 23C530 23 530 54 504 54H0C-26 54 -26 23 -6 23"),
    ]
    assert lines(root, "tip")[1] == ("round", "M0 23l-7 -3.6v7.2z")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a/short", "a/short"),
        ("x" * 24, "x" * 24),
        ("abcdefghijklmnopqrstuvwxyz", "…defghijklmnopqrstuvwxyz"),
        ("日" * 12, "日" * 12),
        ("一二三四五六七八九十百千万", "…三四五六七八九十百千万"),
    ],
)
def test_a_long_name_is_shown_with_its_end(name: str, shown: str) -> None:
    assert texts(drawn(box("a", name=name)), "name") == ["○", shown]


@pytest.mark.parametrize(
    ("name", "title", "shown"),
    [
        ("a", "Do it", "Do it"),
        ("a", "a", "ready"),
        ("x/a", "a", "ready"),
        ("x/y/a", "a", "ready"),
        ("x/a", "x", "x"),
        ("a", "abcdefghijklmnopqrstuvwxyz0123", "abcdefghijklmnopqrstuvwxyz01…"),
        ("a", "abcdefghijklmnopqrstuvwxyz012", "abcdefghijklmnopqrstuvwxyz012"),
    ],
)
def test_below_the_name_is_the_title_unless_it_says_the_same(
    name: str, title: str, shown: str
) -> None:
    assert texts(drawn(box("a", name=name, title=title)), "small")[-1] == shown
