"""The answers that the MCP server gives before the SDK is loaded, as the SDK gives them."""

import functools
import json

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from mcpserver.raw_client import Message, enveloped, initialize, request
from mcpserver.sdk_answers import answers

#: What clients ask for once they are connected; runr has a page of each that never changes.
_LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")


def rendered() -> str:
    """Return the file with the SDK's answers, by era and method."""
    prepared = {
        "handshake": {
            "versions": HANDSHAKE_PROTOCOL_VERSIONS,
            "results": _results(initialize(), request("ping"), *map(request, _LISTS)),
        },
        "envelope": {
            "versions": MODERN_PROTOCOL_VERSIONS,
            "results": _results(enveloped("server/discover"), *map(enveloped, _LISTS)),
        },
    }
    return json.dumps(prepared, indent=1, ensure_ascii=False) + "\n"


def _results(*requests: Message) -> dict[str, Message]:
    found = _answers(tuple(json.dumps(message).encode() for message in requests))
    return {
        message["method"]: answer["result"] for message, answer in zip(requests, found, strict=True)
    }


@functools.cache
def _answers(lines: tuple[bytes, ...]) -> list[Message]:
    return answers(lines)
