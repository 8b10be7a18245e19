"""Fixtures of the acceptance tests: the repositories of `tests/cli`."""

from cli.conftest import bare, place, prepared

__all__ = ["bare", "place", "prepared"]
