"""Standard output and error: colour, and what can go wrong when they are written."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import TextIOWrapper

import click

_STDOUT, _STDERR = 1, 2


class OutputError(OSError):
    """Standard output cannot be written: it is closed, or its disk is full."""


class PipeClosedError(Exception):
    """Whoever read standard output has ended, as `head` does: not an error.

    Not an OSError, which click would take for its own to handle.
    """


@contextmanager
def _output_errors() -> Iterator[None]:
    """Raise OutputError or PipeClosedError for a write that failed."""
    try:
        yield
    except BrokenPipeError:
        raise PipeClosedError from None
    except OSError as error:
        raise OutputError(error.errno, error.strerror) from None


class _Output(TextIOWrapper):
    def write(self, text: str, /) -> int:
        with _output_errors():
            return super().write(text)

    def flush(self) -> None:
        with _output_errors():
            super().flush()


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
    # File names need not be valid in the terminal's encoding.
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdout, TextIOWrapper):
        old = sys.stdout
        encoding, lines = old.encoding, old.line_buffering
        sys.stdout = _Output(
            old.detach(), encoding=encoding, errors="backslashreplace", line_buffering=lines
        )
        # The old one, without its buffer, cannot tell the size of the terminal any more.
        sys.__stdout__ = sys.stdout  # type: ignore[misc]


def write_bytes(data: bytes) -> None:
    """Write to standard output exactly these bytes; OutputError where that is impossible."""
    sys.stdout.flush()
    with _output_errors():
        sys.stdout.buffer.write(data)


def complain(text: str, *, color: bool | None = None) -> None:
    """Write a line to standard error; where that is impossible, the exit code has to do."""
    with suppress(OSError):
        click.echo(text, err=True, color=color)


def flush() -> None:
    """Write what is buffered for standard output; OutputError where that is impossible."""
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
