"""Named tuples as JSON: what is left out, and what is said of a value that does not fit."""

from enum import StrEnum
from typing import Any, Literal, NamedTuple

import pytest

from runr.runs.codec import CodecError, decode, encode


class Colour(StrEnum):
    """One of two."""

    RED = "red"
    BLUE = "blue"


class Leaf(NamedTuple):
    """A part."""

    name: str


class Tree(NamedTuple):
    """Every kind of field."""

    height: float
    number: int = 3
    text: str | None = None
    on: bool = True
    colour: Colour = Colour.RED
    mode: Literal["a", "b"] = "a"
    leaf: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    words: tuple[str, ...] = ("x",)


FULL: dict[str, Any] = {
    "height": 1.5,
    "number": 3,
    "text": "t",
    "on": False,
    "colour": "blue",
    "mode": "b",
    "leaf": {"name": "l"},
    "leaves": [{"name": "m"}],
    "words": [],
}


def test_every_kind_of_field_is_read_as_it_was_written() -> None:
    tree = decode(Tree, FULL)
    assert tree == Tree(1.5, 3, "t", False, Colour.BLUE, "b", Leaf("l"), (Leaf("m"),), ())
    assert tree.colour is Colour.BLUE
    assert encode(tree) == FULL


def test_an_empty_default_is_left_out_and_no_other_value() -> None:
    assert encode(Tree(2)) == {
        "height": 2,
        "number": 3,
        "on": True,
        "colour": "red",
        "mode": "a",
        "words": ["x"],
    }
    assert encode([1]) == [1]


def test_what_is_absent_has_its_default_and_further_keys_are_ignored() -> None:
    assert decode(Tree, {"height": 2, "mood": "bad"}) == Tree(2)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], "expected an object, found []"),
        ({}, "missing: height"),
        ({"height": None}, "height: expected float, found None"),
        ({"height": True}, "height: expected float, found True"),
        ({"height": 1, "number": 1.0}, "number: expected int, found 1.0"),
        ({"height": 1, "number": False}, "number: expected int, found False"),
        ({"height": 1, "on": 1}, "on: expected bool, found 1"),
        ({"height": 1, "text": 5}, "text: expected str, found 5"),
        ({"height": 1, "colour": "green"}, "colour: expected one of red, blue, found 'green'"),
        ({"height": 1, "colour": []}, "colour: expected one of red, blue, found []"),
        ({"height": 1, "mode": "c"}, "mode: expected one of a, b, found 'c'"),
        ({"height": 1, "leaf": {}}, "leaf: missing: name"),
        ({"height": 1, "leaves": {}}, "leaves: expected a list, found {}"),
        ({"height": 1, "leaves": [{"name": 1}]}, "leaves: name: expected str, found 1"),
        ({"height": "x" * 38}, f"height: expected float, found '{'x' * 38}'"),
        ({"height": "x" * 39}, f"height: expected float, found '{'x' * 39}…"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_field(raw: object, message: str) -> None:
    with pytest.raises(CodecError) as refused:
        decode(Tree, raw)
    assert str(refused.value) == message


def test_all_missing_fields_are_named() -> None:
    class Pair(NamedTuple):
        second: str
        first: str
        third: str = ""

    with pytest.raises(CodecError, match=r"^missing: first, second$"):
        decode(Pair, {})
    with pytest.raises(CodecError, match=r"^missing: first$"):
        decode(Pair, {"second": "s"})
