"""The repositories that promises are kept in: those of the command line's own tests."""

from cli.conftest import bare, place, prepared

__all__ = ["bare", "place", "prepared"]
