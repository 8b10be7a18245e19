import codecs
import json
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runr.text import (
    closest_match,
    escape_controls,
    escape_markdown,
    flat,
    format_bytes,
    format_duration,
    join_limited,
    markdown_code,
    one_line,
    parse_duration,
    pluralize,
    printable,
    readable_name,
    shortened,
    slug,
)
from unit.markdown_pages import tokens

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        (90, 90),
        ("90s", 90),
        ("45m", 2700),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        (" 2 d ", 172800),
        ("1H30M", 5400),
        ("1d2h3m4s", 93784),
        ("0", 0),
        (-5, -5),  # whoever asks says whether it may be below nought
    ],
)
def test_a_duration_is_parsed_as_people_write_it(text: object, expected: int) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "soon", "1.5h", 1.5, "-5", "1:30", "10 20", "1h30", "30 1h", "h", "1w", True, None],
)
def test_an_invalid_duration_is_refused_with_the_valid_forms(text: object) -> None:
    with pytest.raises(ValueError, match="write seconds, or 90s, 45m, 1h30m, 2d"):
        parse_duration(text)


@pytest.mark.parametrize(("value", "named"), [(True, "true"), ("soon", "'soon'"), (1.5, "1.5")])
def test_an_invalid_duration_is_named_as_it_is_written(value: object, named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named} is not a duration"):
        parse_duration(value)


@pytest.mark.parametrize("text", ["99999999999d", "9" * 19, 10**18, "36500d1s"])
def test_a_duration_that_no_clock_holds_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is too long: at most 36500d"):
        parse_duration(text)


@given(st.lists(st.tuples(st.integers(0, 7_000), st.sampled_from("smhd")), min_size=1, max_size=5))
def test_parts_add_up(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{number}{unit}" for number, unit in parts)
    assert parse_duration(text) == sum(number * UNITS[unit] for number, unit in parts)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0.0s"),
        (4.24, "4.2s"),
        (59.94, "59.9s"),
        (59.97, "1m 00s"),
        (60, "1m 00s"),
        (185, "3m 05s"),
        (3599.4, "59m 59s"),
        (3599.6, "1h 00m"),
        (3725, "1h 02m"),
        (90000, "25h 00m"),
    ],
)
def test_durations_are_formatted_for_people(count: float, expected: str) -> None:
    assert format_duration(count) == expected


@given(st.floats(0, 10**6))
def test_no_unit_reaches_sixty(count: float) -> None:
    assert all(
        int(number) < 60 for number in re.findall(r"(\d+)(?:\.\d)?[ms]", format_duration(count))
    )


@pytest.mark.parametrize(
    ("most", "joined"),
    [(4, "a, b, c"), (3, "a, b, c"), (2, "a, b and 1 more"), (1, "a and 2 more")],
)
def test_of_a_long_list_the_first_are_named_and_the_others_counted(most: int, joined: str) -> None:
    assert join_limited(["a", "b", "c"], most) == joined


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("src/it's a [b].py", "src/it's a [b].py"),
        ("größe.txt", "größe.txt"),
        (" a.txt", '" a.txt"'),
        ("a.txt ", '"a.txt "'),
        ("a,", '"a,"'),
        ("a   b", '"a\\040\\040 b"'),
        ("a\nb", '"a\\nb"'),
        ('"a"', '"\\"a\\""'),
        ("a\udcff", '"a\\377"'),
        ("a\xa0", '"a\\302\\240"'),
    ],
)
def test_a_name_that_could_not_be_read_is_in_quotes(name: str, shown: str) -> None:
    assert readable_name(name) == shown
    assert join_limited([name, "b", "c"], 2) == f"{shown}, b and 1 more"


@given(st.text(st.sampled_from(' a,"\\\n\t\u3000\u2028é\x00'), min_size=1))
def test_a_name_is_read_as_what_it_is(name: str) -> None:
    shown = readable_name(name)
    assert flat(shown) == shown
    quoted = shown.startswith('"')
    assert (codecs.escape_decode(shown[1:-1])[0].decode() if quoted else shown) == name


def test_one_is_counted_without_an_s() -> None:
    assert [pluralize(number, "error") for number in (0, 1, 2)] == [
        "0 errors",
        "1 error",
        "2 errors",
    ]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("depend", "depends_on"),
        ("depends_in", "depends_on"),
        ("ti", "tier"),
        ("wroker", "worker"),
        ("zebra", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_the_shortest_that_begins_so_or_else_one_that_looks_alike(
    name: str, near: str | None
) -> None:
    assert closest_match(name, ["timeout", "tier", "depends_on", "worker"]) == near


@pytest.mark.parametrize(
    ("value", "short"),
    [
        (12, "12"),
        (" a\nb ", "a b"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        (" " * 319 + "x", "x"),
        (" " * 320 + "x", ""),
    ],
)
def test_a_value_in_a_message_is_one_short_line(value: object, short: str) -> None:
    assert shortened(value) == short


@given(st.text())
def test_no_control_character_reaches_a_terminal(text: str) -> None:
    assert printable(text).isprintable()
    assert len(printable(text)) == len(text)
    assert flat(text).isprintable()
    assert one_line(text).isprintable()
    assert one_line(text)
    assert json.loads(escape_controls(json.dumps(text, ensure_ascii=False))) == text


def test_what_is_kept_or_empty_in_a_line() -> None:
    assert printable("a\tb\nc", keep="\t") == "a\tb c"
    assert flat(" a \x1b\n  b ") == "a b"
    assert (one_line(" \n"), one_line("a\x07  b")) == ("untitled", "a b")
    assert escape_controls('"\x7f\x85\u202e日é"') == '"\\u007f\\u0085\\u202e日é"'


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Build the API (v2)!", "build-the-api-v2"),
        ("snake_case__name", "snake-case-name"),
        ("Größe 日本", "größe-日本"),
        ("...", ""),
        ("x" * 61, "x" * 60),
        ("x" * 59 + " y", "x" * 59),
    ],
)
def test_a_title_becomes_a_file_name_in_any_script(title: str, name: str) -> None:
    assert slug(title) == name


#: What Markdown reads as more than text, and the beginnings of addresses.
_MARKDOWN = st.text(alphabet="a1 #-_*`<>|[]()!:/.\\&;=+~\n\thwtp", max_size=25)


@given(_MARKDOWN, st.sampled_from(["", "- ", "- x\n  ", "word\n"]))
def test_text_in_markdown_is_shown_as_it_is_and_forms_nothing(text: str, before: str) -> None:
    assume(flat(text))
    found = tokens(before + escape_markdown(text))
    blocks = {each.type for each in found if each.block} - {"inline"}
    item = {f"{kind}_{end}" for kind in ("bullet_list", "list_item") for end in ("open", "close")}
    assert blocks <= {"paragraph_open", "paragraph_close"} | (item if "-" in before else set())
    inline = [each for each in found if not each.block]
    assert {each.type for each in inline} <= {"text", "text_special", "softbreak"}
    assert "".join(each.content or " " for each in inline).endswith(flat(text))


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("merge_conflict", "merge_conflict"),
        ("00-setup.md: `make` failed", "00-setup.md: \\`make\\` failed"),
        ("see https://e.org/a_b or www.e.org", "see https\\://e.org/a_b or www\\.e.org"),
        ("1. a", "1\\. a"),
        ("a\n# b", "a # b"),
        ("# b", "\\# b"),
    ],
)
def test_only_what_markdown_would_read_is_escaped(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped


@given(_MARKDOWN)
def test_code_in_markdown_is_shown_as_it_is(text: str) -> None:
    assume(flat(text))
    inline = [each for each in tokens(f"x{markdown_code(text)}") if not each.block]
    assert [each.type for each in inline] == ["text", "code_inline"]
    assert inline[1].content == printable(text)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (2_000_000_000, "2.0 GB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_bytes_are_written_in_the_unit_that_fits(number: int, shown: str) -> None:
    assert format_bytes(number) == shown
