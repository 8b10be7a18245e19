"""The graph as an indented tree, line by line."""

from collections.abc import Mapping, Sequence

import pytest

from runr.graphics import tree

#: a leads to b and c, b to d and back to a, c to d as well; e is alone.
BELOW: Mapping[str, Sequence[str]] = {"a": ["b", "c"], "b": ["d", "a"], "c": ["d"]}


def drawn(roots: Sequence[str], below: Mapping[str, Sequence[str]], depth: int) -> list[str]:
    return [
        f"{line.stem}{line.path} {line.kind} {line.count}".removesuffix(" 0").removesuffix(" task")
        for line in tree.lines(roots, below, depth=depth, alike=lambda path: path[0])
    ]


@pytest.mark.parametrize(
    ("depth", "lines"),
    [
        (9, ["a", "├─ b", "│  ├─ d", "│  └─ a round", "└─ c", "   └─ d again", "e"]),
        (2, ["a", "├─ b deeper 2", "└─ c deeper 1", "e"]),
        (1, ["a deeper 2", "e"]),
    ],
)
def test_each_task_is_drawn_once_with_what_waits_for_it_below(depth: int, lines: list[str]) -> None:
    assert drawn(["a", "e"], BELOW, depth) == lines


@pytest.mark.parametrize(("leaves", "folded"), [(8, []), (9, ["x9 more 1"]), (11, ["x11 more 3"])])
def test_of_leaves_that_look_alike_eight_are_drawn(leaves: int, folded: list[str]) -> None:
    names = [f"x{number}" for number in range(1, leaves + 1)]
    shown = [*names[:8], "y", *folded]
    assert drawn([*names, "y"], {}, 9) == shown
    below = drawn(["a"], {"a": [*names, "y"]}, 9)
    assert below == ["a", *(f"├─ {name}" for name in shown[:-1]), f"└─ {shown[-1]}"]
