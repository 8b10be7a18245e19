"""Names in a row, where only the first few fit in."""

from collections.abc import Sequence


def brief(names: Sequence[str], most: int) -> str:
    """Return the first names with commas between them, and how many there are beside."""
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left} more" if left > 0 else "")
