"""Columns in a terminal."""

import unicodedata
from collections.abc import Iterable

#: A longer name pushes its own line to the right, and no other.
_WIDEST = 60


def width(texts: Iterable[str]) -> int:
    """Return how wide the column with these texts is."""
    return min(max(map(_columns, texts)), _WIDEST)


def fill(text: str, columns: int) -> str:
    """Return `text` with spaces up to so many columns."""
    return text + " " * (columns - _columns(text))


def _columns(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )
