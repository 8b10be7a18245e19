import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.text import format_duration, parse_duration

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


@given(st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from("smhd")), min_size=1, max_size=5))
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
