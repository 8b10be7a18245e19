"""The repositories that promises are kept in: those of the command line's own tests."""

from cli.conftest import bare, place

__all__ = ["bare", "place"]
