"""Telling clients that a resource has changed, in both generations of the protocol."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
from mcp.server import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    ResourceUpdated,
    ServerEvent,
)
from mcp.types import (
    EmptyResult,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)

#: As many addresses are watched for the clients of the older generation.
_MOST = 1024


class Subscriptions:
    """Who wants to hear of which changes; what is not read in time is dropped.

    `require` raises MCPError for the address of no resource.
    """

    def __init__(self, require: Callable[[str], None]) -> None:
        self._require = require
        self._bus = InMemorySubscriptionBus()
        self._listen = ListenHandler(self._bus)
        self._sessions: dict[str, list[ServerSession]] = {}

    async def listen(
        self, context: ServerRequestContext[Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Notify the client of what it asks for until it hangs up."""
        for uri in params.notifications.resource_subscriptions or ():
            self._require(str(uri))
        return await self._listen(context, params)

    async def subscribe(
        self, context: ServerRequestContext[Any], params: SubscribeRequestParams
    ) -> EmptyResult:
        """Remember that the session wants to hear of a resource."""
        self._require(str(params.uri))
        sessions = self._sessions.setdefault(str(params.uri), [])
        if context.session not in sessions and len(self._sessions) <= _MOST:
            sessions.append(context.session)
        return EmptyResult()

    async def unsubscribe(
        self, context: ServerRequestContext[Any], params: UnsubscribeRequestParams
    ) -> EmptyResult:
        """Forget that the session wants to hear of a resource."""
        sessions = self._sessions.get(str(params.uri), [])
        if context.session in sessions:
            sessions.remove(context.session)
        return EmptyResult()

    async def updated(self, uri: str) -> None:
        """Tell everybody who wants to hear that a resource has changed."""
        await self.publish(ResourceUpdated(uri=uri))
        for session in tuple(self._sessions.get(uri, ())):
            with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                await session.send_resource_updated(uri)

    async def publish(self, event: ServerEvent) -> None:
        """Tell the clients that listen."""
        await self._bus.publish(event)
