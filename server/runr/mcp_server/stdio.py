"""Standard input and output as the server's connection.

The SDK's own transport drops what it cannot parse without an answer, puts no
limit on a message's size, does not end on SIGINT and dies of SIGTERM without
ending its calls.
"""

import asyncio
import math
import os
import queue
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from itertools import chain
from typing import Any

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server import Server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage

from runr.mcp_server import negotiation
from runr.mcp_server.framing import Lines, Refusal, decode
from runr.mcp_server.standard_streams import StandardStreams
from runr.mcp_server.unanswered import Unanswered
from runr.workers import interruption

_CHUNK = 65536
_CHUNKS_AHEAD = 16
_ANSWERS_AHEAD = 1024
_PATIENCE_S = 0.25
#: For how long an answer is waited for, and a reader, once nothing more is asked.
_LAST_ANSWERS_S = 1.0

Inbox = MemoryObjectReceiveStream[SessionMessage | Exception]
Outbox = MemoryObjectSendStream[SessionMessage]


def serve(
    server: Server[Any], wire: StandardStreams, head: bytes = b"", answered: str | None = None
) -> None:
    """Serve until the client hangs up or a signal comes.

    `head` was read from the wire before. The request in it with the id `answered` is for the
    SDK to know of: the client has its answer.
    """

    async def session() -> None:
        async with connect(wire, head, answered) as (inbox, outbox):
            await negotiation.route(server, inbox, outbox)

    anyio.run(session)


@asynccontextmanager
async def connect(
    wire: StandardStreams, head: bytes, answered: str | None
) -> AsyncIterator[tuple[Inbox, Outbox]]:
    """Yield the messages that come in, and where those that go out are sent."""
    writer = _Writer(wire)
    unanswered = Unanswered()
    reader = _Reader(wire, writer, unanswered)
    outbox, answers = anyio.create_memory_object_stream[SessionMessage](0)
    with _signals(reader.leave):
        writer.start(reader.hang_up)
        reader.start(head)
        async with anyio.create_task_group() as group:
            group.start_soon(_send, answers, writer, reader, answered)
            yield reader.inbox, outbox
            outbox.close()
            # A client that no longer reads must not hold the process.
            group.cancel_scope.deadline = anyio.current_time() + reader.patience_s
        for refusal in unanswered.refusals():
            writer.offer(refusal.encode())
        writer.finish(reader.patience_s)


async def _send(
    answers: MemoryObjectReceiveStream[SessionMessage],
    writer: "_Writer",
    reader: "_Reader",
    answered: str | None,
) -> None:
    async with answers:
        async for item in answers:
            if answered is not None and getattr(item.message, "id", None) == answered:
                answered = None
            else:
                text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
                await writer.send(text.encode() + b"\n")
            reader.note_sent(item.message)


class _Reader:
    """Reads the wire on a thread of its own, and delivers messages to the loop.

    At the end of the input, the session goes on for what is still to be answered.
    """

    def __init__(self, wire: StandardStreams, writer: "_Writer", unanswered: Unanswered) -> None:
        self._wire = wire
        self._writer = writer
        self._unanswered = unanswered
        self._ended = threading.Event()
        #: For how long the end of the session may wait for the client.
        self.patience_s = _LAST_ANSWERS_S
        self._loop = asyncio.get_running_loop()
        self._lines = Lines()
        self._ahead = threading.Semaphore(_CHUNKS_AHEAD)
        self._deliver, self.inbox = anyio.create_memory_object_stream[SessionMessage | Exception](
            math.inf
        )

    def start(self, head: bytes) -> None:
        threading.Thread(target=self._read, args=(head,), name="mcp-in", daemon=True).start()

    def hang_up(self) -> None:
        """End the session as if the client had; calls may be in progress. From any thread."""
        with suppress(RuntimeError):  # The session is over already.
            self._loop.call_soon_threadsafe(self._deliver.close)

    def note_sent(self, message: JSONRPCMessage) -> None:
        """Take note of what was sent; the last answer ends the session where the input has."""
        self._unanswered.answer(message)
        if self._ended.is_set() and not self._unanswered:
            self._deliver.close()

    def leave(self) -> None:
        """End the session and soon after it the process: a signal's sender does not wait."""
        self.patience_s = _PATIENCE_S
        self.hang_up()
        self._loop.call_soon_threadsafe(self._loop.call_later, _PATIENCE_S, _exit)

    def _read(self, head: bytes) -> None:
        with suppress(RuntimeError):  # The session is over already.
            for chunk in chain((head,), self._chunks()):
                self._ahead.acquire()
                self._loop.call_soon_threadsafe(self._take, chunk)
            self._loop.call_soon_threadsafe(self._end)
            self._wait_for_answers()

    def _chunks(self) -> Iterator[bytes]:
        with suppress(OSError):
            yield from iter(partial(self._wire.read, _CHUNK), b"")

    def _take(self, chunk: bytes) -> None:
        self._ahead.release()
        for line in self._lines.feed(chunk):
            self._accept(line)

    def _end(self) -> None:
        for line in self._lines.flush():
            self._accept(line)
        self._ended.set()
        if not self._unanswered:
            self._deliver.close()

    def _wait_for_answers(self) -> None:
        """End the session once nothing is answered any more, or the client is gone."""
        self._ended.wait()
        before = -1
        while before != self._unanswered.answers:
            before = self._unanswered.answers
            if self._wire.is_unread_within(_LAST_ANSWERS_S):
                break
        self.hang_up()

    def _accept(self, line: bytes | None) -> None:
        message = decode(line)
        if isinstance(message, Refusal):
            self._writer.offer(message.encode())
            return
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            self._unanswered.ask(message)
            self._deliver.send_nowait(SessionMessage(message))


def _exit() -> None:
    interruption.request_all()
    os._exit(0)


class _Writer:
    """Writes lines to the wire on a thread of its own, in order."""

    def __init__(self, wire: StandardStreams) -> None:
        self._wire = wire
        self._lines: queue.Queue[bytes | None] = queue.Queue(_ANSWERS_AHEAD)
        self._thread: threading.Thread | None = None

    def start(self, on_broken: Callable[[], None]) -> None:
        self._thread = threading.Thread(
            target=self._write, args=(on_broken,), name="mcp-out", daemon=True
        )
        self._thread.start()

    def offer(self, line: bytes) -> None:
        """Write `line` unless the client is far behind with its reading."""
        with suppress(queue.Full):
            self._lines.put_nowait(line)

    async def send(self, line: bytes) -> None:
        """Write `line`, waiting while the client is far behind with its reading."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            await anyio.to_thread.run_sync(self._lines.put, line, abandon_on_cancel=True)

    def finish(self, patience_s: float) -> None:
        """Wait for what is still to be written, while the client reads."""
        with suppress(queue.Full):
            self._lines.put(None, timeout=patience_s)
        before = -1
        while self._thread and self._thread.is_alive() and before != self._lines.qsize():
            before = self._lines.qsize()
            self._thread.join(patience_s)

    def _write(self, on_broken: Callable[[], None]) -> None:
        try:
            for line in iter(self._lines.get, None):
                self._wire.write(line)
        except OSError:
            on_broken()


@contextmanager
def _signals(leave: Callable[[], None]) -> Iterator[None]:
    # Not the loop's own signal handling: that resets the signals when the loop
    # closes, and a second signal would then kill the process before its exit.
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, lambda *_: leave()) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
