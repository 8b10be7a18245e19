"""Names in a row, where only the first few fit in."""

from collections.abc import Sequence


def brief(names: Sequence[str], most: int) -> str:
    """Return the first names with commas between them, and how many there are beside."""
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left} more" if left > 0 else "")


def counted(number: int, noun: str) -> str:
    """Return how many there are, in words: `1 error`, `2 errors`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
