"""Where the boxes of small graphs go: columns, rows, straight links, and few that cross."""

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

import pytest

from runr.graphics.layout import Layout, Spacing, layout_graph

#: A column is 16 wide, a box 6 below the next, a lane 4.5 from a box.
SIZE = Spacing(width=10, height=4, across=6, down=2, lane=1)
Links = Mapping[str, Sequence[str]]


def rows(needs: Links) -> dict[str, tuple[float, float]]:
    """Return the column of each box, and how far down it is."""
    return {path: (x / 16, y) for path, (x, y) in layout_graph(needs, SIZE).corners.items()}


def crossings(layout: Layout) -> int:
    """Return how many pairs of links cross between two columns."""
    gaps = [gap for way in layout.ways.values() for gap in [*pairwise(way)][::2]]
    return sum(
        (start, end) == (other, to) and (y - row) * (low - down) < 0
        for ((start, y), (end, low)), ((other, row), (to, down)) in combinations(gaps, 2)
    )


@pytest.mark.parametrize(
    ("needs", "places"),
    [
        # In a line.
        ({"a": [], "b": ["a"], "c": ["b"]}, {"a": (0, 0), "b": (1, 0), "c": (2, 0)}),
        # In the middle of what needs it, and of what it needs.
        (
            {"a": [], "x": ["a"], "y": ["a"], "z": ["a"]},
            {"a": (0, 6), "x": (1, 0), "y": (1, 6), "z": (1, 12)},
        ),
        (
            {"x": [], "y": [], "a": ["x", "y"]},
            {"x": (0, 0), "y": (0, 6), "a": (1, 3)},
        ),
        # Beside each other as their neighbours are.
        (
            {"a": [], "b": [], "x": ["b"], "y": ["a"], "z": ["x", "y"]},
            {"a": (0, 0), "b": (0, 6), "x": (1, 6), "y": (1, 0), "z": (2, 3)},
        ),
        # What needs nothing is right before what needs it.
        (
            {"a": [], "b": ["a"], "c": ["b"], "d": [], "e": ["c", "d"], "f": ["d", "e"]},
            {"a": 0, "b": 1, "c": 2, "d": 2, "e": 3, "f": 4},
        ),
        # A way round: the link back leads to the left.
        ({"a": ["b"], "b": ["a"]}, {"a": (0, 0), "b": (1, 0)}),
        # Links back, also those within a column, move no box.
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, {"a": (0, 0), "b": (0, 6), "c": (1, 0)}),
        # Alone: side by side while there is room for four, then in a new row.
        (
            {path: [] for path in "abcde"},
            {"a": (0, 0), "b": (1, 0), "c": (2, 0), "d": (3, 0), "e": (0, 8)},
        ),
        # Apart: what has most comes first.
        (
            {"a": [], "b": ["a"], "k": [], "l": ["k"], "m": ["l"], "z": []},
            {"k": (0, 0), "l": (1, 0), "m": (2, 0), "a": (0, 8), "b": (1, 8), "z": (2, 8)},
        ),
    ],
)
def test_each_box_is_behind_what_it_needs_and_near_it(
    needs: Links, places: Mapping[str, float | tuple[float, float]]
) -> None:
    for path, (column, row) in rows(needs).items():
        place = places[path]
        wanted = place if isinstance(place, tuple) else (place, row)
        assert (path, column) == (path, wanted[0])
        assert row == pytest.approx(wanted[1]), path


@pytest.mark.parametrize(
    ("needs", "places"),
    [
        ({"b": [], "a": ["b"], "d": ["b"], "c": ["d"]}, {"a": 0, "b": 3, "c": 5.81, "d": 6}),
        ({"c": [], "a": ["c"], "d": ["c"], "b": ["c", "d"]}, {"a": 0, "b": 7.94, "c": 5.5, "d": 6}),
        ({"a": [], "b": ["a"], "d": ["a"], "c": ["a", "b"]}, {"a": 5.5, "b": 0, "c": 5.28, "d": 6}),
        (
            {"d": [], "c": ["d"], "a": ["c", "d"], "b": ["c"]},
            {"a": 6, "b": 0, "c": 2.02, "d": 4.27},
        ),
    ],
)
def test_a_box_is_between_those_on_both_sides(needs: Links, places: Mapping[str, float]) -> None:
    found = {path: row for path, (_, row) in rows(needs).items()}
    assert found == pytest.approx(places, abs=0.01)


@pytest.mark.parametrize(
    "needs",
    [
        {"a": ["d"], "b": ["d"], "c": ["b"], "d": [], "e": ["b", "d"], "f": ["a", "b"]},
        {"a": [], "b": ["a", "c"], "c": ["e"], "d": ["c"], "e": ["a"]},
        {"a": ["e"], "b": ["c", "e"], "c": ["d"], "d": [], "e": ["c", "d"]},
        {"a": ["c", "d"], "b": ["c"], "c": ["d"], "d": []},
    ],
)
def test_links_do_not_cross_where_they_need_not(needs: Links) -> None:
    assert crossings(layout_graph(needs, SIZE)) == 0


def test_a_link_across_a_column_has_a_lane_of_its_own_beside_the_boxes() -> None:
    layout = layout_graph({"a": [], "b": ["a"], "c": ["a", "b"]}, SIZE)
    assert layout.corners == {"a": (0, 2.25), "b": (16, 0), "c": (32, 2.25)}
    assert layout.ways == {
        ("a", "b"): ((10, 4.25), (16, 2)),
        ("a", "c"): ((10, 4.25), (16, 6.5), (26, 6.5), (32, 4.25)),
        ("b", "c"): ((26, 2), (32, 4.25)),
    }
    assert (layout.width, layout.height) == (42, 8.5)


def test_a_lane_above_all_boxes_is_in_the_picture() -> None:
    needs = {"a": [], "b": ["a"], "c": ["e"], "d": ["a", "b"], "e": ["a", "b"]}
    layout = layout_graph(needs, SIZE)
    tops = [y for _, y in layout.corners.values()]
    lanes = [y - SIZE.lane / 2 for way in layout.ways.values() for _, y in way[1:-1]]
    assert min(lanes) < min(tops)
    assert min(lanes) == pytest.approx(0)


def test_every_link_has_lanes_unless_there_were_too_many_to_follow() -> None:
    def complete(size: int) -> Links:
        names = [f"{number:02}" for number in range(size)]
        return {name: names[:at] for at, name in enumerate(names)}

    def lanes(size: int) -> dict[int, int]:
        """Return how many columns a link crosses, and in how many of them it has a lane."""
        ways = layout_graph(complete(size), SIZE).ways
        return {int(end) - int(start) - 1: len(way) // 2 - 1 for (start, end), way in ways.items()}

    assert lanes(7) == {span: span for span in range(6)}
    # More than twenty thousand lanes.
    assert lanes(51) == {span: span if span <= 3 else 0 for span in range(50)}
