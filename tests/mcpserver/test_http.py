"""MCP over HTTP: who may ask, and that both generations are answered."""

import os
from pathlib import Path

import httpx2
import pytest

from cli.terminal import Place
from mcpserver.raw_client import Message, calling, enveloped, initialize
from runr.mcp_server import http
from runr.mcp_server.server import build

pytestmark = pytest.mark.anyio

TOKEN = "a-token-of-a-test"  # noqa: S105 - of no other server
OPENED: dict[str, str] = {
    "Authorization": f"Bearer {TOKEN}",
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
}


async def post(root: Path, message: Message, headers: dict[str, str]) -> httpx2.Response:
    server = build(root, os.environ)
    transport = httpx2.ASGITransport(app=http.app(server, TOKEN))
    client = httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8787")
    async with server.session_manager.run(), client:
        return await client.post(http.PATH, json=message, headers=headers)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8787"}, 200),
        ({"Authorization": f"bearer {TOKEN}"}, 200),
        ({"Authorization": f"BEARER  {TOKEN}"}, 200),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer other"}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Host": "example.org"}, 421),
        ({"Host": "127.0.0.1.example.org:8787"}, 421),
        ({"Origin": "http://example.org"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000"}, 200),
    ],
)
async def test_only_this_machine_is_answered_and_only_with_the_token(
    repository: Path, changed: dict[str, str], status: int
) -> None:
    answer = await post(repository, initialize(), OPENED | changed)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert ("protocolVersion" in answer.text) is (status == 200)


async def test_the_number_of_connected_clients_is_limited(repository: Path) -> None:
    server = build(repository, os.environ)
    transport = httpx2.ASGITransport(app=http.app(server, TOKEN))
    client = httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8787")
    async with server.session_manager.run(), client:
        opened = [
            await client.post(http.PATH, json=initialize(), headers=OPENED)
            for _ in range(http.MOST_SESSIONS)
        ]
        refused = await client.post(http.PATH, json=initialize(), headers=OPENED)
        left = {"mcp-session-id": opened[0].headers["mcp-session-id"]}
        await client.delete(http.PATH, headers=OPENED | left)
        again = await client.post(http.PATH, json=initialize(), headers=OPENED)
    assert {answer.status_code for answer in (*opened, again)} == {200}
    assert refused.status_code == 503


async def test_a_tool_is_called_without_a_handshake(repository: Path) -> None:
    headers = {
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "list-tasks",
    }
    message = enveloped("tools/call", calling("list-tasks"), 1)
    answer = await post(repository, message, OPENED | headers)
    assert answer.status_code == 200
    assert "00-setup.md" in answer.text


def test_a_token_that_can_be_guessed_is_refused(
    repository: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(http.TOKEN, "short")
    refused = Place(repository, home).runr("mcp", "--http", code=2)
    assert "RUNR_MCP_TOKEN needs at least 16 characters" in refused.err
