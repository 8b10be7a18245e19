"""Work on a thread that ends with its call: the programs that it runs are not left behind.

A thread cannot be cancelled. So what it waits for is ended, and it ends itself.
"""

import sys
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

from runr.errors import RunrError
from runr.workers.interruption import InterruptedWorkError, Interruption

T = TypeVar("T")


async def run(work: Callable[[], T]) -> T:
    """Do the work on a thread; a cancellation interrupts it, and waits until it has ended."""
    interruption = Interruption()
    answers: list[T] = []
    failures: list[Exception] = []
    ended = anyio.Event()

    def attempt() -> None:
        try:
            with interruption.applied():
                answers.append(work())
        except InterruptedWorkError:
            sys.stderr.write("runr: the call was cancelled: its checks are stopped\n")
        except Exception as error:  # noqa: BLE001 - raised below, outside of the group
            failures.append(error)

    async def watch() -> None:
        try:
            await ended.wait()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(interruption.request)
            raise

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await anyio.to_thread.run_sync(attempt)
        ended.set()
    for failure in failures:
        raise failure
    if not answers:  # All work is interrupted, as the server is being ended.
        raise RunrError("the server was ended while this call ran; its checks are stopped")
    return answers[0]
