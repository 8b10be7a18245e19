"""Path patterns mean what they say, and no pattern takes long."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runr.scope.patterns import translate


def expected(pattern: str, path: str) -> bool:
    """Match by trying everything; `pattern` contains a slash."""

    @cache
    def rest(here: int, there: int) -> bool:
        if here == len(pattern):
            return there == len(path) or path[there] == "/"
        left, unread = pattern[here:], range(there, len(path) + 1)
        if left.startswith("**/") and (here == 0 or pattern[here - 1] == "/"):
            return any(
                rest(here + 3, end) for end in unread if end == there or path[end - 1] == "/"
            )
        if left.startswith("**"):
            return any(rest(here + 2, end) for end in unread)
        if left.startswith("*"):
            return any(rest(here + 1, end) for end in unread if "/" not in path[there:end])
        if there == len(path):
            return False
        fits = path[there] != "/" if left[0] == "?" else path[there] == left[0]
        return fits and rest(here + 1, there + 1)

    return rest(0, 0)


PARTS = st.sampled_from(["a", "b", "/", "*", "?", "**", "**/", "/**/", ".", "[", "\n"])


@given(pattern=st.lists(PARTS, max_size=9).map("".join), path=st.text("aab/.[\n", max_size=12))
def test_a_pattern_matches_what_trying_everything_finds(pattern: str, path: str) -> None:
    wanted = f"a/{pattern}".replace("***", "**").replace("***", "**")
    assert (translate(wanted).fullmatch(path) is not None) is expected(wanted, path)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.py", "deep/er/a.py", True),
        ("*.py", "a.pyc", False),
        ("src/*.py", "src/deep/a.py", False),
        ("src/**/*.py", "src/a.py", True),
        ("src/**/*.py", "src/b/c/a.py", True),
        ("src/**/x**", "src/a/xy", True),
        ("src/**/x**", "src/a/y", False),
        ("src", "src/b/c", True),
        ("src", "srcs", False),
        ("a**/b", "ax/y/b", True),
        ("a**/b", "ab", False),
        ("**/test_*", "x/test_a/b.txt", True),
    ],
)
def test_stars_stay_in_a_folder_and_two_cross_folders(
    pattern: str, path: str, *, expected: bool
) -> None:
    assert (translate(pattern).fullmatch(path) is not None) is expected


@pytest.mark.parametrize(
    "pattern",
    ["*a" * 25 + "b", "**/" * 40 + "b", "**/a" * 30 + "/b", "**a*" * 20 + "b", "a*" * 99 + "b"],
)
@pytest.mark.parametrize("path", ["a" * 250, "a/" * 2000, "/".join(["a" * 250] * 16)])
def test_no_number_of_wildcards_keeps_a_match_from_ending(pattern: str, path: str) -> None:
    # A translation that tries every combination takes longer than the limit of a test.
    assert translate(pattern).fullmatch(path) is None
