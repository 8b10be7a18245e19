"""MCP over HTTP, for clients on this machine that cannot start a program.

It listens on the loopback interface only. A web page in a browser of this machine can reach that
too, so the headers Host and Origin are checked, and every request needs the token.
"""

import hmac
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from runr.errors import UsageError
from runr.mcp_server.server import build

HOST = "127.0.0.1"
PATH = "/mcp"
TOKEN = "RUNR_MCP_TOKEN"  # noqa: S105 - the name of a variable
#: As many clients of the older generation are connected at once; one that is silent for half an
#: hour is not.
MOST_SESSIONS = 100
#: Characters; a shorter token can be guessed by another user of this machine.
_SHORTEST = 16


def serve(start: Path, environment: Mapping[str, str], port: int) -> None:
    """Serve the repository around `start` until a signal comes."""
    token = _token(environment)
    listening = _listen(port)
    shown = "$" + TOKEN if environment.get(TOKEN) else token
    sys.stderr.write(
        f"MCP over HTTP: http://{HOST}:{port}{PATH}\n"
        f"Every request needs the header: Authorization: Bearer {shown}\n"
        "Press Ctrl-C to end it.\n"
    )
    served = app(build(start, environment), token)
    config = uvicorn.Config(served, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


def app(server: Server[Any], token: str) -> ASGIApp:
    """Return the server as an application that only answers this machine, with the token."""
    names = (HOST, "localhost")
    security = TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[f"{name}:*" for name in names],
        allowed_origins=[f"http://{name}:*" for name in names],
    )
    inner = server.streamable_http_app(
        streamable_http_path=PATH,
        host=HOST,
        transport_security=security,
        max_sessions=MOST_SESSIONS,
    )
    expected = token.encode()

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        header = dict(scope.get("headers", ())).get(b"authorization", b"")
        scheme, _, given = header.partition(b" ")
        known = scheme.lower() == b"bearer" and hmac.compare_digest(given.strip(), expected)
        if scope["type"] == "http" and not known:
            refusal = PlainTextResponse(
                "The header Authorization has no valid token.\n",
                401,
                {"WWW-Authenticate": "Bearer"},
            )
            await refusal(scope, receive, send)
            return
        await inner(scope, receive, send)

    return guarded


def _listen(port: int) -> socket.socket:
    """Return the socket that listens; no other machine reaches it."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        why = os.strerror(error.errno) if error.errno else str(error)
        raise UsageError(
            f"cannot listen on {HOST}:{port}: {why}; choose another with --port"
        ) from None
    return listening


def _token(environment: Mapping[str, str]) -> str:
    """Return the token that the user has set, or a new one."""
    chosen = environment.get(TOKEN, "")
    if chosen and (len(chosen) < _SHORTEST or not chosen.isascii() or not chosen.isprintable()):
        raise UsageError(f"{TOKEN} needs at least {_SHORTEST} characters of printable ASCII")
    return chosen or secrets.token_urlsafe(24)
