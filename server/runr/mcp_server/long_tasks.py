"""Calls that go on by themselves: the tasks extension of the protocol (SEP-2663).

A client that declares the extension gets a task in place of an answer, and asks for its state
until it has ended. What a task is, and where its state is kept, is the business of its tool.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from mcp import MCPError
from mcp.server import Server, ServerRequestContext
from mcp.types import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    RequestParams,
)
from pydantic import ConfigDict, Field

from runr.mcp_server.identity import PROTOCOL

EXTENSION = "io.modelcontextprotocol/tasks"
#: Milliseconds after which a client asks again.
_POLL_MS = 2000

Status = Literal["working", "input_required", "completed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LongTask:
    """The state of a task; times are as in ISO 8601.

    `result` is that of the call where it is completed, `error` where it failed as a request,
    `asks` what it needs to know where it waits for that.
    """

    id: str
    status: Status
    created_at: str
    updated_at: str
    message: str = ""
    ttl_ms: int | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] = field(default_factory=dict)
    asks: Mapping[str, Any] = field(default_factory=dict)

    def created(self) -> dict[str, Any]:
        """Return what a call is answered with in place of its result."""
        return {"resultType": "task", **self._common()}

    def detailed(self) -> dict[str, Any]:
        """Return what a client gets that asks for the state."""
        details: dict[str, dict[str, Any]] = {
            "completed": {"result": dict(self.result)},
            "failed": {"error": dict(self.error)},
            "input_required": {"inputRequests": dict(self.asks)},
        }
        return {"resultType": "complete", **self._common(), **details.get(self.status, {})}

    def _common(self) -> dict[str, Any]:
        said = {"statusMessage": self.message} if self.message else {}
        return {
            "taskId": self.id,
            "status": self.status,
            "createdAt": self.created_at,
            "lastUpdatedAt": self.updated_at,
            "ttlMs": self.ttl_ms,
            "pollIntervalMs": _POLL_MS,
            **said,
        }


class LongTasks(Protocol):
    """The tasks of a tool; each method returns None for an id that it does not know."""

    async def get(self, task_id: str) -> LongTask | None:
        """Return the state of a task, also of one that was begun by another process."""
        ...

    async def cancel(self, task_id: str) -> LongTask | None:
        """End a task; one that has ended stays as it is."""
        ...

    async def update(self, task_id: str, replies: Mapping[str, Any]) -> LongTask | None:
        """Give a task what it has asked for; what it has not is ignored."""
        ...


class _TaskParams(RequestParams):
    model_config = ConfigDict(populate_by_name=True)
    task_id: str = Field(alias="taskId")


class _UpdateParams(_TaskParams):
    input_responses: dict[str, Any] = Field(alias="inputResponses")


def is_declared(context: ServerRequestContext[Any]) -> bool:
    """Tell whether the client of this request follows tasks."""
    able = context.session.client_capabilities
    names = (able.extensions if able else None) or {}
    return context.protocol_version == PROTOCOL and EXTENSION in names


class TaskMethods:
    """Answers the requests about tasks, whichever tool they belong to."""

    def __init__(self, stores: Sequence[LongTasks]) -> None:
        self._stores = stores

    def register(self, server: Server[Any]) -> None:
        """Let the server declare the extension and answer its requests."""
        if not self._stores:
            return
        server.extensions[EXTENSION] = {}
        server.add_request_handler("tasks/get", _TaskParams, self._get)
        server.add_request_handler("tasks/cancel", _TaskParams, self._cancel)
        server.add_request_handler("tasks/update", _UpdateParams, self._update)

    async def _get(self, context: ServerRequestContext[Any], params: _TaskParams) -> dict[str, Any]:
        _check(context, "tasks/get", params)
        for store in self._stores:
            if found := await store.get(params.task_id):
                return found.detailed()
        raise _unknown(params)

    async def _cancel(
        self, context: ServerRequestContext[Any], params: _TaskParams
    ) -> dict[str, Any]:
        _check(context, "tasks/cancel", params)
        for store in self._stores:
            if await store.cancel(params.task_id):
                return {"resultType": "complete"}
        raise _unknown(params)

    async def _update(
        self, context: ServerRequestContext[Any], params: _UpdateParams
    ) -> dict[str, Any]:
        _check(context, "tasks/update", params)
        for store in self._stores:
            if await store.update(params.task_id, params.input_responses):
                return {"resultType": "complete"}
        raise _unknown(params)


def _check(context: ServerRequestContext[Any], method: str, params: _TaskParams) -> None:
    """Refuse a request of another era, of a client that follows no tasks, or to another task."""
    if context.protocol_version != PROTOCOL:
        raise MCPError(METHOD_NOT_FOUND, "Method not found", method)
    if not is_declared(context):
        needed: dict[str, Any] = {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}
        message = f"The client did not declare {EXTENSION}"
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, message, needed)
    # Over HTTP what is between client and server routes by it.
    headers = getattr(context.request, "headers", None)
    if headers is not None and headers.get("mcp-name") != params.task_id:
        raise MCPError(HEADER_MISMATCH, "The header Mcp-Name is not the id of the task")


def _unknown(params: _TaskParams) -> MCPError:
    return MCPError(INVALID_PARAMS, f"Unknown task: {params.task_id}")
