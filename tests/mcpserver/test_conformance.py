"""The protocol's own conformance suite, against the classes of this server."""

import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from fakes.project_kit import until
from fakes.required import require_program
from mcpserver import conformance_fixtures
from runr.mcp_server import http

pytestmark = pytest.mark.long

TOKEN = "a-token-of-the-suite"  # noqa: S105 - of no other server
#: Logging, sampling and roots are deprecated, and not offered.
EXPECTED_FAILURES = {
    "logging-set-level",
    "tools-call-with-logging",
    "tools-call-sampling",
    "input-required-result-basic-sampling",
    "input-required-result-basic-list-roots",
    "input-required-result-multiple-input-requests",
    "input-required-result-capability-check",
}
_ROW = re.compile(r"^([✓✗]) ([\w-]+): (\d+) passed, (\d+) failed", re.MULTILINE)


@pytest.fixture
def port() -> Iterator[int]:
    """Serve the fixtures over HTTP; the suite knows no token, so it is added here."""
    inner = http.app(conformance_fixtures.server(), TOKEN)

    async def with_token(scope: Scope, receive: Receive, send: Send) -> None:
        given = (b"authorization", f"Bearer {TOKEN}".encode())
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], given]}
        await inner(scope, receive, send)

    listening = socket.socket()
    listening.bind((http.HOST, 0))
    server = uvicorn.Server(uvicorn.Config(with_token, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    until(lambda: server.started, "the server")
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()


def test_only_what_is_deprecated_fails(port: int, tmp_path: Path) -> None:
    program = Path(require_program("conformance", "@modelcontextprotocol/conformance, with npm"))
    # It needs a newer Node.js than the one that others run with.
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    url = f"http://{http.HOST}:{port}{http.PATH}"
    command = [str(program), "server", "--url", url, "--suite", "all", "-o", str(tmp_path)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    rows = _ROW.findall(ran.stdout)
    assert len(rows) > 60, ran.stdout + ran.stderr
    assert {name for sign, name, *_ in rows if sign == "✗"} == EXPECTED_FAILURES
    assert sum(int(passed) for *_, passed, _failed in rows) > 200
