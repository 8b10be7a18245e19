"""Both generations of the protocol on one connection.

The SDK settles on a generation with the first request and refuses the other.
Clients exist that ask `server/discover` first and open with `initialize` all
the same (github/copilot-cli#4888, anthropics/claude-code#96183), so here each
request goes to the generation that it is written in.
"""

import math
from typing import Any, Literal

import anyio
import anyio.abc
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server import Server
from mcp.shared.message import SessionMessage
from mcp.types import PROTOCOL_VERSION_META_KEY, JSONRPCNotification, JSONRPCRequest

Inbox = MemoryObjectReceiveStream[SessionMessage | Exception]
Outbox = MemoryObjectSendStream[SessionMessage]
Generation = Literal["handshake", "envelope"]


async def route(server: Server[Any], inbox: Inbox, outbox: Outbox) -> None:
    """Serve `inbox` until it ends; closes both streams."""
    async with inbox, outbox, anyio.create_task_group() as group:
        switch = _VersionRouter(server, outbox, group)
        async for item in inbox:
            if isinstance(item, SessionMessage):
                await switch.deliver(item)
        switch.close()


class _VersionRouter:
    """One serving loop for each generation, opened when first needed."""

    def __init__(self, server: Server[Any], outbox: Outbox, group: anyio.abc.TaskGroup) -> None:
        self._server = server
        self._outbox = outbox
        self._group = group
        self._loops: dict[Generation, MemoryObjectSendStream[SessionMessage | Exception]] = {}

    async def deliver(self, item: SessionMessage) -> None:
        """Hand the message to the loop, or loops, that it concerns."""
        match item.message:
            case JSONRPCRequest() as request:
                await self._loop(self._generation(request)).send(item)
            case JSONRPCNotification():
                # Nothing in it tells whose request it cancels.
                for loop in self._loops.values():
                    await loop.send(item)
            case _:
                # Only the handshake lets a server ask the client something.
                if "handshake" in self._loops:
                    await self._loops["handshake"].send(item)

    def close(self) -> None:
        for loop in self._loops.values():
            loop.close()

    def _generation(self, request: JSONRPCRequest) -> Generation:
        if request.method == "initialize":
            return "handshake"
        meta = (request.params or {}).get("_meta")
        if isinstance(meta, dict) and PROTOCOL_VERSION_META_KEY in meta:
            return "envelope"
        # Without an envelope, in a connection that never shook hands: the
        # envelope's loop knows what to answer.
        return "envelope" if list(self._loops) == ["envelope"] else "handshake"

    def _loop(self, generation: Generation) -> MemoryObjectSendStream[SessionMessage | Exception]:
        if generation not in self._loops:
            feed, fed = anyio.create_memory_object_stream[SessionMessage | Exception](math.inf)
            self._loops[generation] = feed
            self._group.start_soon(
                self._server.run,
                fed,
                # A clone, so that one loop's end does not close the connection.
                self._outbox.clone(),
                self._server.create_initialization_options(),
            )
        return self._loops[generation]
