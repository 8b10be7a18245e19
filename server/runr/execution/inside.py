"""Whether a command was started from inside a run: by its worker, a check, a hook, or their own.

The variable in their environment is only the first sign: it can be removed. What a run's process
has started is found by its cgroup, where it has one of its own, and by its ancestors, wherever the
system has /proc; a process that was left by its parent is adopted by the process of the run (see
`workers.process_tree`).
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from runr import nofollow
from runr.storage import files
from runr.storage.layout import Layout
from runr.workers import cgroup, process_tree

#: How many of the latest runs are looked at: those that are being executed are among them.
_LATEST = 500
#: The id of a process is no longer.
_DIGITS = 20

_HOOKS = "hooks.lock"


def run_around(layout: Layout, environment: Mapping[str, str]) -> str | None:
    """Return the id of the run inside which this process was started; None outside of all."""
    named = environment.get(process_tree.MARKER)
    if named := named or cgroup.run_around():
        return named
    ancestors = process_tree.ancestors()
    if not ancestors:
        return None
    # What calls lifecycle hooks after the end of a run, or of a job, is a process of its own.
    places = ((layout.runs, "lock"), (layout.runs, _HOOKS), (layout.job_runs, _HOOKS))
    found = (_holding(folder, lock, ancestors) for folder, lock in places)
    return next((run for run in found if run), None)


def _holding(folder: Path, lock: str, ancestors: frozenset[int]) -> str | None:
    """Return the run whose lock one of the processes holds."""
    latest = _latest(folder)
    named_by = nofollow.begin_of_each(folder, latest, lock, _DIGITS)
    # Nearly always none does, and each lock is opened once only to see that.
    if not any(_number(text) in ancestors for text in named_by):
        return None
    return next((run for run in latest if _holder(folder / run / lock) in ancestors), None)


def _latest(folder: Path) -> list[str]:
    try:
        return sorted(nofollow.names(folder), reverse=True)[:_LATEST]
    except OSError:
        return []


def _number(text: bytes) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _holder(lock: Path) -> int | None:
    with suppress(OSError, ValueError):
        return files.holder_of(lock)
    return None
