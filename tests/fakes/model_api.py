"""A scripted stand-in for the Anthropic Messages API, on loopback.

    script = [{"tools": [{"name": "Bash", "input": {"command": "true"}}]}, {"text": "done"}]
    with FakeModel(script) as model:
        subprocess.run(["claude", "-p", "go"], env={**os.environ, **model.env(home=home)})
    assert model.main_requests()[0].prompt == "go"

A script is a list of turns, a table with `turns` and `lanes`, or a function from
`ModelRequest` to a turn; `fakes.model_script` says what stands in them. A request
goes to the first lane whose `match` holds, else to `turns`; one that offers no
tools and matches no lane is answered "ok" and uses no turn up.
"""

import json
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from fakes import model_stream
from fakes.model_request import Json, ModelRequest, ToolResult
from fakes.model_script import Refusal, Script, Turn

__all__ = ["FakeModel", "Json", "ModelRequest", "ToolResult"]

Turns = Sequence[Mapping[str, Any]]
Responder = Callable[[ModelRequest], Mapping[str, Any]]

_SECRET_HEADERS = {"x-api-key", "authorization", "cookie"}


class FakeModel:
    """A model with scripted answers.

    An error inside a script function is raised again when the block ends.
    """

    def __init__(self, script: Turns | Mapping[str, Any] | Responder) -> None:
        self.requests: list[ModelRequest] = []
        self._respond = script if callable(script) else None
        self._script = Script() if callable(script) else _load(script)
        self._positions: Counter[int] = Counter()
        self._arrived = threading.Condition()
        self._closing = threading.Event()
        self._failure: Exception | None = None
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if kind is None and self._failure is not None:
            raise self._failure

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def env(self, home: Path | None = None) -> dict[str, str]:
        """Return the variables that send a client here and keep it off the network.

        With `home`, the client keeps its settings, sessions and caches there.
        """
        env = {
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_API_KEY": "dummy",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
        }
        if home is not None:
            env |= {"HOME": str(home), "CLAUDE_CONFIG_DIR": str(home / ".claude")}
        return env

    def main_requests(self) -> list[ModelRequest]:
        """Return the requests of the agent loop, those that offer tools."""
        with self._arrived:
            return [request for request in self.requests if request.is_agent_loop]

    def wait_for(self, count: int, deadline_s: float = 30) -> ModelRequest:
        """Wait for the agent loop's request number `count`, counted from 1; TimeoutError."""
        ends = time.monotonic() + deadline_s
        with self._arrived:
            while True:
                found = [request for request in self.requests if request.is_agent_loop]
                if len(found) >= count:
                    return found[count - 1]
                if not self._arrived.wait(ends - time.monotonic()):
                    raise TimeoutError(f"{len(found)} of {count} requests in {deadline_s} s")

    def arrive(self, request: ModelRequest) -> None:
        """Note a request; called by the server."""
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()

    def next_turn(self, request: ModelRequest) -> Turn:
        """Choose the answer and, in `delay` seconds, return it; called by the server."""
        turn = self._called(request) if self._respond else self._scripted(request)
        self._closing.wait(turn.delay)
        return turn

    def _called(self, request: ModelRequest) -> Turn:
        assert self._respond is not None
        try:
            return Turn.model_validate(self._respond(request))
        except Exception as failure:  # noqa: BLE001 - it is the test's, and raised when it ends
            self._failure = self._failure or failure
            return Turn(error=Refusal(status=400, message=f"the script failed: {failure!r}"))

    def _scripted(self, request: ModelRequest) -> Turn:
        lane = self._script.lane(request)
        if lane is None:
            return self._script.side
        with self._arrived:
            position = self._positions[lane]
            self._positions[lane] += 1
        return self._script.turn(lane, position)


class _Server(socketserver.ThreadingTCPServer):
    """Plain TCP, because HTTPServer asks the resolver for its own name."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, model: FakeModel) -> None:
        self.model = model
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def _serve(self) -> None:
        self.close_connection = True
        request = self._request()
        self.server.model.arrive(request)
        try:
            self._answer(request)
        except ConnectionError:
            return  # the client went away, as a test may want

    def _request(self) -> ModelRequest:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        return ModelRequest(
            method=self.command,
            path=urlsplit(self.path).path.rstrip("/") or "/",
            headers={
                name.lower(): "[redacted]" if name.lower() in _SECRET_HEADERS else value
                for name, value in self.headers.items()
            },
            body=json.loads(raw) if raw else {},
        )

    def _answer(self, request: ModelRequest) -> None:
        match (request.method, request.path):
            case ("POST", "/v1/messages"):
                self._play(request, self.server.model.next_turn(request))
            case ("POST", "/v1/messages/count_tokens"):
                self._send(200, {"input_tokens": max(1, len(json.dumps(request.body)) // 4)})
            case ("GET" | "HEAD", "/"):
                self._send(200, {"ok": True})
            case (method, path):
                self._send(404, model_stream.error(_no_route(method, path)))

    def _play(self, request: ModelRequest, turn: Turn) -> None:
        if turn.error is not None:
            self._send(turn.error.status, model_stream.error(turn.error), turn.error.headers)
            return
        answer = model_stream.message(turn, request)
        if not request.body.get("stream"):
            self._send(200, answer)
            return
        self._head(200, {"content-type": "text/event-stream; charset=utf-8"})
        for event in list(model_stream.events(answer))[: turn.cut_after]:
            self.wfile.write(event)

    def _send(self, status: int, body: Json, headers: Mapping[str, str] | None = None) -> None:
        raw = json.dumps(body).encode()
        usual = {"content-type": "application/json", "content-length": str(len(raw))}
        self._head(status, {**usual, **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(raw)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()


def _load(script: Turns | Mapping[str, Any]) -> Script:
    return Script.model_validate(script if isinstance(script, Mapping) else {"turns": script})


def _no_route(method: str, path: str) -> Refusal:
    return Refusal(status=404, message=f"no route {method} {path}")
