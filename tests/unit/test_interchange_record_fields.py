"""The fields of a foreign record: what each kind of value becomes, and what is said about it."""

from typing import Any

import pytest

from runr.interchange.record_fields import (
    InvalidJsonError,
    RecordFields,
    describe,
    parse_json,
    replace_surrogates,
)

LIST, OBJECT, YES = [1], {"a": 1}, True


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (1, "a number"),
        ("x", "text"),
        ([], "a list"),
        ({}, "an object"),
        (1.5, "an object"),
    ],
)
def test_a_kind_of_value_is_said_in_words(value: object, words: str) -> None:
    assert describe(value) == words


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("9" * 18, int("9" * 18)),
        ("9" * 19, "9" * 19),
        ("-1.50", "-1.50"),
        ("NaN", "NaN"),
        ('{"a": [true, null]}', {"a": [True, None]}),
    ],
)
def test_numbers_are_read_without_loss(text: str, value: object) -> None:
    assert parse_json(text) == value


@pytest.mark.parametrize(
    ("text", "line", "place", "reason"),
    [
        ("{\n  x", None, "line 2, column 3", "not JSON: Expecting property name"),
        ("{x", 7, "line 7, column 2", "not JSON: Expecting property name"),
        ("[" * 100_000, None, "", "the JSON is nested too deeply"),
        ("[" * 100_000, 7, "line 7", "the JSON is nested too deeply"),
    ],
)
def test_text_that_is_not_json_is_refused_where_it_stops(
    text: str, line: int | None, place: str, reason: str
) -> None:
    with pytest.raises(InvalidJsonError) as refused:
        parse_json(text, line=line)
    assert refused.value.place == place
    assert refused.value.reason.startswith(reason)


def test_a_key_that_is_there_twice_counts_once_and_is_named() -> None:
    fields = RecordFields(parse_json('{"a": 1, "b": 2, "a": 3}'))
    assert fields.text("a") == "3"
    assert fields.changes == ["`a` is there twice: the last one is taken"]


def test_the_first_name_with_a_value_is_read() -> None:
    fields = RecordFields({"a": None, "b": "", "c": "x"})
    assert fields.value("a", "b", "c") == ("b", "")
    assert fields.value("a", "z") == ("a", None)


IGNORED = "where text is wanted: ignored"
LISTED = "where a list is wanted"


@pytest.mark.parametrize(
    ("value", "text", "changes"),
    [
        (None, "", []),
        (" x ", "x", []),
        (5, "5", []),
        (YES, "", [f"`a` is true {IGNORED}"]),
        (LIST, "", [f"`a` is a list {IGNORED}"]),
        (OBJECT, "", [f"`a` is an object {IGNORED}"]),
        ("\udce9", "\ufffd", ["`a` holds bytes that are not UTF-8: replaced by \ufffd"]),
    ],
)
def test_a_text_is_read_from_text_and_numbers(value: Any, text: str, changes: list[str]) -> None:
    fields = RecordFields({"a": value})
    assert (fields.text("a"), fields.changes, fields.holds) == (text, changes, [])


@pytest.mark.parametrize(
    ("value", "text", "changes"),
    [
        (None, "", []),
        ("x\ny", "x\ny", []),
        ([], "", ["`a` is a list where text is wanted: its items are lines"]),
        (["x", "y"], "- x\n- y", ["`a` is a list where text is wanted: its items are lines"]),
        (
            ["x", 1],
            '```json\n[\n  "x",\n  1\n]\n```',
            ["`a` is a list where text is wanted: kept as JSON"],
        ),
        (
            {"ä": 1},
            '```json\n{\n  "ä": 1\n}\n```',
            ["`a` is an object where text is wanted: kept as JSON"],
        ),
        ({}, "", []),
        (YES, "", [f"`a` is true {IGNORED}"]),
    ],
)
def test_a_longer_text_keeps_what_is_of_another_type(
    value: Any, text: str, changes: list[str]
) -> None:
    fields = RecordFields({"a": value})
    assert (fields.prose("a"), fields.changes) == (text, changes)


def test_what_is_nested_too_deeply_is_no_text() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    fields = RecordFields({"a": deep})
    assert fields.prose("a") == ""
    assert fields.changes == ["`a` is a list where text is wanted, nested too deeply: ignored"]


@pytest.mark.parametrize(
    ("value", "names", "notes"),
    [
        (None, (), []),
        (" a, b,,", ("a", "b"), []),
        (5, ("5",), []),
        (["a", 5, " ", ""], ("a", "5"), []),
        (
            ["a", None, YES, LIST],
            ("a",),
            ["item 2 of `x` is null", "item 3 of `x` is true", "item 4 of `x` is a list"],
        ),
        (YES, (), [f"`x` is true {LISTED}"]),
        (OBJECT, (), [f"`x` is an object {LISTED}"]),
    ],
)
def test_of_a_list_of_names_the_wrong_ones_are_ignored_and_of_ids_they_hold_the_task(
    value: Any, names: tuple[str, ...], notes: list[str]
) -> None:
    fields = RecordFields({"x": value})
    assert fields.names("x") == names
    assert (fields.changes, fields.holds) == ([f"{note}: ignored" for note in notes], [])
    fields = RecordFields({"x": value})
    assert fields.references("x") == names
    assert (fields.changes, fields.holds) == ([], notes)


@pytest.mark.parametrize("holding", [True, False])
def test_a_list_of_records_is_taken_whole_or_not_at_all(*, holding: bool) -> None:
    fields = RecordFields({"a": LIST, "b": OBJECT})
    assert fields.items("a", holding=holding) == LIST
    assert fields.items("z", holding=holding) == []
    assert (fields.changes, fields.holds) == ([], [])
    assert fields.items("b", holding=holding) == []
    wrong = f"`b` is an object {LISTED}"
    said = ([], [wrong]) if holding else ([f"{wrong}: ignored"], [])
    assert (fields.changes, fields.holds) == said


def test_the_default_for_a_list_of_records_is_to_ignore_what_is_none() -> None:
    fields = RecordFields({"b": OBJECT})
    assert (fields.items("b"), fields.holds) == ([], [])


def test_halves_of_characters_are_replaced() -> None:
    assert replace_surrogates("a\ud83d b\udcff") == "a\ufffd b\ufffd"
