"""Parameters that only `make check-long` runs."""

import pytest


def also_long(*values: object) -> list[object]:
    """Return parameters whose tests are marked `long`: some of a kind are enough each time."""
    rows = (value if isinstance(value, tuple) else (value,) for value in values)
    return [pytest.param(*row, marks=pytest.mark.long) for row in rows]
