"""The detached process of one run: `python -m runr exec <id> <repository> <lock>`."""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import anyio

from runr.engine import ending, execute, local
from runr.engine.clock import utc_now
from runr.engine.context import RunContext
from runr.store import runlog
from runr.store.layout import Layout

#: A disk without room: not a fault of ours, and the run can go on as soon as there is some.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def main(arguments: Sequence[str]) -> int:
    """Carry the run on to its end, holding the lock that was handed over."""
    run_id, root, lock = arguments
    local.sign(int(lock))
    layout = Layout(Path(root))
    context = RunContext.of(layout, layout.run(run_id), os.environ, utc_now)
    anyio.run(_guarded, context)
    os.close(int(lock))
    return 0


async def _guarded(context: RunContext) -> None:
    """Carry the run on; a signal or a fault of ours ends it with a recorded stop."""
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_on_signal, group.cancel_scope)
            await execute.proceed(context)
            group.cancel_scope.cancel()
    except Exception as error:  # noqa: BLE001 - whatever it was, the record says that it stopped
        _stop(context, error.exceptions[0] if isinstance(error, ExceptionGroup) else error)
        return
    if runlog.require(context.files).ended is None:
        ending.interrupt(context, "ended by a signal")


def _stop(context: RunContext, cause: Exception) -> None:
    with suppress(OSError):  # the log may lie on a disk that is full
        traceback.print_exception(cause, file=sys.stderr)
    if runlog.require(context.files).ended is not None:
        return  # only the line or the story about its end could not be written: a look makes them
    if isinstance(cause, OSError) and cause.errno in _NO_ROOM:
        ending.interrupt(context, f"{cause.strerror}: {cause.filename or 'its record'}")
    else:
        ending.stop(context, "error", f"{type(cause).__name__}: {cause}")


async def _cancel_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for _ in signals:
            scope.cancel()
            return
