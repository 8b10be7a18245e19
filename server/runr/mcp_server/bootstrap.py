"""The server's door: it answers before the SDK is loaded.

A client that asks `server/discover` first waits about three seconds and then
falls back to an older protocol. Loading the SDK takes most of a second on a
quiet machine and longer on a busy one, so the first answer needs nothing but
the standard library.
"""

from __future__ import annotations  # `Server` is named here, and must not be loaded for that.

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runr.mcp_server.channel import StdioChannel, acquire_stdio
from runr.mcp_server.identity import PROTOCOL, discovery

if TYPE_CHECKING:
    from mcp.server import Server

_META = "io.modelcontextprotocol/"
_CHUNK = 65536


def serve(repo: str | Path | None, environment: Mapping[str, str]) -> None:
    """Serve a repository over standard input and output; does not return.

    It is the one around `repo`, else around the folder that Claude Code works
    in, else around the current folder.
    """
    start = Path(repo or environment.get("CLAUDE_PROJECT_DIR") or Path.cwd()).absolute()

    def build() -> Server[Any]:
        # The SDK: see the head of this file.
        from runr.mcp_server import server  # noqa: PLC0415 - see above

        return server.build(start, environment)

    run(build)


def run(build: Callable[[], Server[Any]]) -> None:
    """Serve what `build` makes; it is called after the first answer. Does not return."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    wire = acquire_stdio()
    if os.isatty(wire.source):
        sys.stderr.write("runr mcp is started by MCP clients; press Ctrl-C to end it.\n")
    head = answer_discover(wire)
    if head is not None:
        # The SDK: see the head of this file.
        from runr.mcp_server import stdio  # noqa: PLC0415 - see above

        stdio.serve(build(), wire, head)
    # Tearing the interpreter down takes longer than a client waits, and would
    # also wait for threads whose callers are gone.
    sys.stderr.flush()
    os._exit(0)


def answer_discover(wire: StdioChannel) -> bytes | None:
    """Answer an opening `server/discover` and return the bytes that are still unanswered.

    None means that the client left without a word.
    """
    head = b""
    while b"\n" not in head and len(head) < _CHUNK:
        chunk = wire.read(_CHUNK)
        if not chunk:
            return head or None
        head += chunk
    line, _, rest = head.partition(b"\n")
    request_id = _discover(line)
    if request_id is None:
        return head
    wire.write(discovery(request_id))
    return rest


def _discover(line: bytes) -> str | int | None:
    """Return the request's id where `line` is a discovery that needs no second look."""
    try:
        message = json.loads(line)
        meta = message["params"]["_meta"]
        plain = (
            message["jsonrpc"] == "2.0"
            and message["method"] == "server/discover"
            and meta[f"{_META}protocolVersion"] == PROTOCOL
            and isinstance(meta[f"{_META}clientCapabilities"], dict)
        )
        request_id = message["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not plain or isinstance(request_id, bool) or not isinstance(request_id, str | int):
        return None
    return request_id


def _leave(*_: object) -> None:
    """End at once: until the first messages are served there is nothing to put in order."""
    os._exit(0)
