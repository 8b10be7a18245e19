"""Parameters that only `make check-long` runs."""

import pytest


def also_long(*values: object) -> list[object]:
    """Return parameters whose tests are marked `long`: some of a kind are enough each time."""
    return [pytest.param(value, marks=pytest.mark.long) for value in values]
