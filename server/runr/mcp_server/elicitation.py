"""Asking the client's user, in both generations of the protocol.

With a handshake the server sends a request of its own. Without one it answers the call with the
question, and the client calls again with what the user said.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from pydantic import ValidationError

from runr.mcp_server.identity import PROTOCOL


class Reply(NamedTuple):
    """What the user said to the question with this id; None where they did not agree."""

    id: str
    content: Mapping[str, Any] | None


#: Ask with a message, the schema of a form and what the answer holds for; None where the client
#: cannot ask.
Ask = Callable[[str, dict[str, Any], str], Awaitable[Reply | None]]


class InputNeededError(Exception):
    """The call is answered with a question, and comes again with the reply."""

    def __init__(self, result: InputRequiredResult) -> None:
        super().__init__("input needed")
        self.result = result


async def no_answer(_message: str, _schema: dict[str, Any], _seen: str) -> Reply | None:
    """Answer as for a client that cannot ask its user."""
    return None


def asker(context: ServerRequestContext[Any], params: CallToolRequestParams) -> Ask:
    """Return what asks the user of the client that makes this call."""

    async def ask(message: str, schema: dict[str, Any], seen: str) -> Reply | None:
        if not _can_ask(context):
            return None
        if context.protocol_version == PROTOCOL:
            return _answered(params, message, schema, seen)
        try:
            said = await context.session.elicit_form(
                message, schema, related_request_id=context.request_id
            )
        # It says that it can ask, and cannot, or what it answers is no answer.
        except (MCPError, ValidationError):
            return Reply(str(context.request_id), None)
        return _reply(str(context.request_id), said)

    return ask


def _can_ask(context: ServerRequestContext[Any]) -> bool:
    """Tell whether the client shows forms; it does where it names no kind of question."""
    able = context.session.client_capabilities
    asks = able.elicitation if able else None
    return asks is not None and (asks.form is not None or asks.url is None)


def _answered(
    params: CallToolRequestParams, message: str, schema: dict[str, Any], seen: str
) -> Reply:
    """Return the reply that came with the call; InputNeededError where none belongs to it."""
    # What is sealed is the question of this call, as it is asked now.
    key, _, asked = (params.request_state or "").partition(" ")
    said = (params.input_responses or {}).get(key)
    question = f"{seen}\n{message}"
    if asked == question and isinstance(said, ElicitResult):
        return _reply(key, said)
    key = f"confirm-{secrets.token_hex(6)}"
    form = ElicitRequestFormParams(message=message, requested_schema=schema)
    raise InputNeededError(
        InputRequiredResult(
            input_requests={key: ElicitRequest(params=form)}, request_state=f"{key} {question}"
        )
    )


def _reply(key: str, said: ElicitResult) -> Reply:
    return Reply(key, (said.content or {}) if said.action == "accept" else None)
