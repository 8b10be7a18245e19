"""What a command is doing, said when that takes longer than a moment."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

import click

from runr.core.doing import Doing

_MOMENT_S = 1.0
_SAY = partial(click.echo, err=True)


def shown(*, as_json: bool) -> Doing:
    """Return what to announce steps with: to people at a terminal, and nobody else."""
    return after if sys.stderr.isatty() and not as_json else nullcontext


@contextmanager
def after(
    step: str,
    *,
    moment_s: float = _MOMENT_S,
    say: Callable[[str], object] = _SAY,
) -> Iterator[None]:
    """Say what is being done, if it is not done in a moment."""
    timer = threading.Timer(moment_s, say, (f"runr: {step} …",))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
