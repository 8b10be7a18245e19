"""From bytes to messages, and the answers to what is none."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The answer to a line that is no message; `id` where one could be read."""

    code: int
    message: str
    id: str | int | None = None

    def encode(self) -> bytes:
        """Return the answer as a line."""
        error = {"code": self.code, "message": self.message}
        answer = {"jsonrpc": "2.0", "id": self.id, "error": error}
        return json.dumps(answer, separators=(",", ":")).encode() + b"\n"


class Lines:
    """Splits a stream into lines; a line of more than `limit` bytes is None."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        """Yield the lines that `chunk` completes, without those that are blank."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            self._keep(end)
            yield from self.flush()
        self._keep(rest)

    def flush(self) -> Iterator[bytes | None]:
        """Yield what has no line end yet: a client may hang up without one."""
        line, size = b"".join(self._parts), self._size
        self._parts, self._size = [], 0
        if size > self._limit:
            yield None
        elif line.strip():
            yield line

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            self._parts.clear()
        elif part:
            self._parts.append(part)


def decode(line: bytes | None) -> JSONRPCMessage | Refusal:
    """Return the message in `line`, or what to answer where there is none."""
    if line is None:
        return Refusal(code=INVALID_REQUEST, message=f"Invalid Request: longer than {LIMIT} bytes")
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValidationError:
        return _diagnose(line)
    # A request whose id is no text and no whole number is read as a
    # notification, and its sender would wait for ever.
    if isinstance(message, JSONRPCNotification) and b'"id"' in line and "id" in json.loads(line):
        return _diagnose(line)
    return message


def _diagnose(line: bytes) -> JSONRPCMessage | Refusal:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return Refusal(code=PARSE_ERROR, message="Parse error: the line is not JSON")
    known = message.get("id") if isinstance(message, dict) else None
    known = known if isinstance(known, str | int) and not isinstance(known, bool) else None
    text = "Invalid Request: not a JSON-RPC 2.0 message"
    if known is not None and "method" not in message and {"result", "error"} & message.keys():
        # A response gets none: its id is that of a question of the server, which is over.
        error = ErrorData(code=INVALID_REQUEST, message=text)
        return JSONRPCError(jsonrpc="2.0", id=known, error=error)
    return Refusal(code=INVALID_REQUEST, message=text, id=known)
