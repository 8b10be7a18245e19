"""The detached process of one run: `python -m runr exec <id> <repository> <lock>`."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import anyio

from runr.engine import ending, execute, local
from runr.engine.clock import utc_now
from runr.engine.context import RunContext
from runr.store import runlog
from runr.store.layout import Layout


def main(arguments: Sequence[str]) -> int:
    """Carry the run on to its end, holding the lock that was handed over."""
    run_id, root, lock = arguments
    local.sign(int(lock))
    layout = Layout(Path(root))
    context = RunContext.of(layout, layout.run(run_id), os.environ, utc_now)
    anyio.run(_guarded, context)
    return 0


async def _guarded(context: RunContext) -> None:
    """Carry the run on; a signal or a fault of ours ends it with a recorded stop."""
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_on_signal, group.cancel_scope)
            await execute.proceed(context)
            group.cancel_scope.cancel()
    except Exception as error:  # noqa: BLE001 - whatever it was, the record says that it stopped
        traceback.print_exc(file=sys.stderr)
        cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
        ending.stop(context, "error", f"{type(cause).__name__}: {cause}")
        return
    if runlog.require(context.files).ended is None:
        ending.interrupt(context, "ended by a signal")


async def _cancel_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async for _ in signals:
            scope.cancel()
            return
