"""Patterns over many paths at once match as they do over each path by itself."""

from hypothesis import given
from hypothesis import strategies as st

from runr.scope.patterns import PathIndex, matches

PATHS = ("a", "a/b", "a/b/c.py", "a/bc", "b/a", "b/a/b.py", "caf\u00e9/x", "c.py", "a/é")
PARTS = st.lists(st.sampled_from(["a", "b", "c.py", "*", "?", "**", "b*", "cafe\u0301", ".", ""]))


@given(PARTS.map("/".join))
def test_an_index_matches_like_one_path_by_itself(pattern: str) -> None:
    alone = tuple(path for path in PATHS if matches(path, (pattern,)))
    assert PathIndex(PATHS).matching(pattern) == alone
