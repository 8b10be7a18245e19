"""The detached process of a run: `python -m runr exec <id> <repository> <lock>`."""

import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from runr import nofollow
from runr.clock import utc_now
from runr.errors import RunrError
from runr.execution import completion
from runr.execution.context import RunContext
from runr.git import repo
from runr.runs import journal
from runr.runs.watched_journal import WatchedJournal
from runr.storage import files
from runr.storage.layout import Layout, RunFiles
from runr.workers import process_tree

if TYPE_CHECKING:
    import anyio


def start_runner(
    layout: Layout,
    run: RunFiles,
    lock: int,
    environment: Mapping[str, str],
    *,
    what: Literal["exec", "exec-job"] = "exec",
) -> None:
    """Start the process that executes the run, or the job run, and pass it the lock.

    It outlives the terminal that started it, and the lock is never free in between.
    """
    with nofollow.append_text(run.runner_log) as log:
        started = process_tree.start_detached(
            [what, run.id, str(layout.root), str(lock)],
            cwd=layout.root,
            env=environment,
            log=log,
            lock=lock,
        )
    if not started:
        raise RunrError(f"the run's process did not start; see {run.runner_log}")


def is_alive(run: RunFiles) -> bool:
    """Return whether the run's process is alive: it holds the run's lock."""
    return files.is_held(run.lock)


def process_id(run: RunFiles) -> int | None:
    """Return the id of the run's living process, if it has one."""
    return files.holder_of(run.lock)


#: Seconds that one git process of a run may take, a checkout with large files included.
_GIT_LIMIT_S = 1800


def main(arguments: Sequence[str]) -> int:
    """Execute the run to its end, holding the lock that was passed."""
    run_id, root, lock = arguments
    files.sign_lock(int(lock))
    process_tree.adopt_orphans()
    repo.limit_processes(_GIT_LIMIT_S)
    layout = Layout(Path(root))
    run = layout.run(run_id)
    context = RunContext.of(layout, run, os.environ, utc_now, kind=WatchedJournal)
    # Loading the event loop takes longer than what other users of this module do.
    import anyio  # noqa: PLC0415 - see above

    anyio.run(_execute, context)
    os.close(int(lock))
    return 0


async def _execute(context: RunContext) -> None:
    """Execute the run; a signal or an internal error ends it with a recorded stop."""
    # As in `main`.
    import anyio  # noqa: PLC0415 - see above

    from runr.execution import loop  # noqa: PLC0415 - see above

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_on_signal, group.cancel_scope)
            await loop.run_phases(context)
            group.cancel_scope.cancel()
    except Exception as error:  # noqa: BLE001 - every internal error ends the run with a recorded stop
        _stop(context, error.exceptions[0] if isinstance(error, ExceptionGroup) else error)
        return
    if journal.require(context.files).result is None:
        completion.interrupt(context, "ended by a signal")


def _stop(context: RunContext, cause: Exception) -> None:
    with suppress(OSError):  # the disk of the log may be full
        traceback.print_exception(cause, file=sys.stderr)
    if journal.require(context.files).result is not None:
        return  # only its status or report could not be written: reconciliation does that
    if isinstance(cause, OSError) and cause.errno in files.DISK_FULL:
        completion.interrupt(context, f"{cause.strerror}: {cause.filename or 'its record'}")
    else:
        completion.stop(context, "error", f"{type(cause).__name__}: {cause}")


async def _cancel_on_signal(scope: "anyio.CancelScope") -> None:
    import anyio  # noqa: PLC0415 - as in `main`

    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for _ in signals:
            scope.cancel()
            return
