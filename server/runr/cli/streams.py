"""Standard output and error: colour, and what can go wrong when they are written."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from io import TextIOWrapper

_STDOUT, _STDERR = 1, 2


def wants_color(environment: Mapping[str, str]) -> bool | None:
    """Return whether to print colours; None leaves it to whether the output is a terminal."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return False if environment.get("TERM") == "dumb" else None


def prepare() -> None:
    """Make both streams safe to write: any file name, and a descriptor that is open.

    Without that, the first file that is opened would get the number of a
    closed standard stream, and what is printed would end up in it.
    """
    if sys.stderr is None:
        _reopen(_STDERR, os.O_WRONLY)
        sys.stderr = open(_STDERR, "w", closefd=False)  # noqa: SIM115 - a descriptor
    if sys.stdout is None:
        # Read only: printing fails then as it does in any program whose output is closed.
        _reopen(_STDOUT, os.O_RDONLY)
        sys.stdout = open(_STDOUT, "w", closefd=False)  # noqa: SIM115 - a descriptor
    for stream in (sys.stdout, sys.stderr):
        # File names need not be valid in the terminal's encoding.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Write what is buffered for standard output; OSError where that is impossible."""
    sys.stdout.flush()


def discard() -> None:
    """Drop what is buffered for standard output, so that nothing fails when the process ends."""
    _reopen(_STDOUT, os.O_WRONLY)
    with suppress(OSError):
        sys.stdout.flush()


def _reopen(descriptor: int, mode: int) -> None:
    opened = os.open(os.devnull, mode)
    if opened != descriptor:
        os.dup2(opened, descriptor)
        os.close(opened)
