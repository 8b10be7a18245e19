"""A scripted model for clients other than Claude Code, on loopback.

    with ScriptedModel(RESPONSES, [Call("list-tasks", ready=True)]) as model:
        subprocess.run(["codex", "exec", "go"], env=...)  # whose provider is `model.url`
    assert "list-tasks" in model.turns[0].tools

It calls the tools of its script in their order, each by the name under which the client offers
it, and then says "done". A tool that is not offered is said to be missing, and the script ends.
"""

import json
import socketserver
import threading
from collections.abc import Iterable, Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from urllib.parse import urlsplit

from fakes.model_dialects import Dialect, Event, Json, Offered


class Call:
    """A call of a tool of runr, or else of the client's own tool of that name."""

    def __init__(self, tool: str, **arguments: Any) -> None:
        self.tool = tool
        self.arguments = arguments


class ModelTurn:
    """What a client asked for: the tools that it offered, and what those called so far returned."""

    def __init__(self, dialect: Dialect, body: Json) -> None:
        self.body = body
        self.offered = dialect.offered(body)
        self.results = dialect.results(body)

    @property
    def tools(self) -> list[str]:
        """Return the tools of servers named `runr`, by their own names."""
        return [name for name in map(_own_name, self.offered) if name]

    def find(self, tool: str) -> Offered | None:
        """Return the tool as it is offered."""
        return next((each for each in self.offered if tool in (_own_name(each), each.name)), None)


def _own_name(offered: Offered) -> str | None:
    """Return what the server named the tool: Codex writes `_` for `-`, others prefix the name."""
    if offered.group == "mcp__runr":
        return offered.name.replace("_", "-")
    for prefix in ("mcp__runr__", "mcp_runr_", "runr_"):
        if offered.name.startswith(prefix):
            return offered.name.removeprefix(prefix)
    return None


class ScriptedModel:
    """A model on loopback that follows a script of calls."""

    def __init__(self, dialect: Dialect, script: Sequence[Call] = ()) -> None:
        self.turns: list[ModelTurn] = []
        self.missing: list[str] = []
        self._dialect = dialect
        self._script = list(script)
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def follow(self, script: Sequence[Call]) -> None:
        """Follow this script from now on."""
        self._script = list(script)

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def answer(self, path: str, body: Json) -> Iterable[Event] | None:
        """Return the next turn; None where the path is another. Called by the server."""
        if not path.endswith(self._dialect.path):
            return None
        turn = ModelTurn(self._dialect, body)
        if not turn.offered:  # a title, or a summary
            return self._dialect.say("{}")
        self.turns.append(turn)
        done = len(turn.results)
        if done >= len(self._script):
            return self._dialect.say("done")
        call = self._script[done]
        tool = turn.find(call.tool)
        if tool is None:
            self.missing.append(call.tool)
            return self._dialect.say(f"{call.tool} is missing")
        return self._dialect.call(tool, call.arguments, done)


class _Server(socketserver.ThreadingTCPServer):
    """Plain TCP, because HTTPServer asks the resolver for its own name."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, model: ScriptedModel) -> None:
        self.model = model
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        self._send(404, b"{}", "application/json")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urlsplit(self.path).path
        events = self.server.model.answer(path, json.loads(raw))
        if events is None:
            self._send(404, b"{}", "application/json")
        else:
            self._send(200, b"".join(map(_lines, events)), "text/event-stream")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _lines(event: Event) -> bytes:
    name = f"event: {event.name}\n" if event.name else ""
    return f"{name}data: {json.dumps(event.data)}\n\n".encode()
