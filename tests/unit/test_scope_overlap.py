"""Whether two path patterns can match the same path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.scope.overlap import overlapping, overlaps
from runr.scope.patterns import matches


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("src/api/", "src/api/users.py", True),
        ("src/api", "src/apis", False),
        ("src/*.py", "src/a*", True),
        ("src/*.py", "src/*.ts", False),
        ("src/*/a.py", "src/b/*.py", True),
        ("*.py", "deep/down/x.py", True),
        ("*.py", "docs/*.md", False),
        ("docs/**", "docs/a/b.md", True),
        ("**/test_*", "src/test_a.py", True),
        ("**/test_*", "src/a/", True),
        ("", "anything", True),
        ("src/?.py", "src/ab.py", False),
    ],
)
def test_patterns_overlap_where_a_path_can_match_both(
    one: str, other: str, expected: object
) -> None:
    assert overlaps([one], [other]) is expected
    assert overlaps([other], [one]) is expected


_PATTERN = st.lists(st.sampled_from(["a", "ab", "*", "a*", "?", "**", "*b"]), min_size=1).map(
    "/".join
)
_PATH = st.lists(st.sampled_from(["a", "ab", "b", "abb"]), min_size=1, max_size=5).map("/".join)


@given(_PATTERN, _PATTERN, _PATH)
def test_patterns_that_match_the_same_path_overlap(one: str, other: str, path: str) -> None:
    if matches(path, [one]) and matches(path, [other]):
        assert overlaps([one], [other])


@given(st.lists(st.lists(_PATTERN, max_size=2), max_size=5))
def test_those_that_overlap_are_found_as_if_each_was_compared_with_each(
    owned: list[list[str]],
) -> None:
    named = {str(number): patterns for number, patterns in enumerate(owned)}
    assert overlapping(named) == {
        one: [other for other in named if other != one and overlaps(named[one], named[other])]
        for one in named
    }


def test_many_wildcards_take_no_more_steps_than_the_pattern_is_long() -> None:
    assert not overlaps(["/".join(["*a*"] * 40)], ["/".join(["*b*"] * 39 + ["c"])])
    assert overlaps(["a" + "*a" * 200], ["a*" * 200])
