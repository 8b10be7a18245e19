"""Whether a command was started from inside a run: by its worker, a check, or what these started.

The variable in their environment is only the first sign: it can be removed. What a run's process
has started is found by its ancestors, wherever the system has /proc; a process that was left by its
parent is adopted by the process of the run (see `workers.process_tree`).
"""

from collections.abc import Mapping
from contextlib import suppress

from runr import nofollow
from runr.execution import process
from runr.storage.layout import Layout
from runr.workers import process_tree

#: How many of the latest runs are looked at: those that are being executed are among them.
_LATEST = 500
#: The id of a process is no longer.
_DIGITS = 20


def run_around(layout: Layout, environment: Mapping[str, str]) -> str | None:
    """Return the id of the run inside which this process was started; None outside of all."""
    named = environment.get(process_tree.MARKER)
    if named:
        return named
    ancestors = process_tree.ancestors()
    if not ancestors:
        return None
    latest = _latest(layout)
    named_by = nofollow.begin_of_each(layout.runs, latest, "lock", _DIGITS)
    # Nearly always none does, and each lock is opened once only to see that.
    if not any(_number(text) in ancestors for text in named_by):
        return None
    return next((run for run in latest if _process(layout, run) in ancestors), None)


def _latest(layout: Layout) -> list[str]:
    try:
        return sorted(nofollow.names(layout.runs), reverse=True)[:_LATEST]
    except OSError:
        return []


def _number(text: bytes) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _process(layout: Layout, run_id: str) -> int | None:
    """Return the id of the process that executes the run."""
    with suppress(OSError, ValueError):
        return process.process_id(layout.run(run_id))
    return None
