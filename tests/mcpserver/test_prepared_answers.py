"""What is answered before the SDK is loaded is what the SDK answers, and nothing else is."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcpserver.raw_client import Message, RawClient, calling, enveloped, initialize, request
from mcpserver.sdk_answers import answers
from runr.mcp_server import bootstrap
from runr.mcp_server.prepared import Opening

TESTS = Path(__file__).parents[1]
META = "io.modelcontextprotocol/"
INITIALIZED: Message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
#: Serves without a single package, so that loading the SDK fails.
BARE = """
import sys
sys.modules |= dict.fromkeys(("anyio", "click", "mcp", "mcp_types", "pydantic"))
from runr.mcp_server import bootstrap
bootstrap.serve(None, {})
"""


def opened(params: Message | None = None, **client: Any) -> Message:
    """Return an `initialize` with other parameters, or with other words about its client."""
    message = initialize(version="2025-06-18")
    message["params"]["clientInfo"] |= client
    message["params"] |= params or {}
    return message


def stamped(**meta: Any) -> Message:
    """Return a request for the tools with another envelope."""
    return enveloped("tools/list", None, 1, **{f"{META}{name}": it for name, it in meta.items()})


def changed(**parts: Any) -> Message:
    return initialize() | parts


def able(**capabilities: Any) -> Message:
    return opened({"capabilities": capabilities})


#: The versions that are spoken, and what clients say in their first message.
PLAIN: list[Message] = [
    *(initialize(version=version) for version in ("2024-11-05", "2025-03-26", "2025-11-25")),
    *(initialize(version=version) for version in ("2026-07-28", "1999-12-31", "")),
    opened(title="T", description="D", websiteUrl="https://example.org/é"),
    opened({"_meta": {"progressToken": 0, "other": [1]}}),
    able(roots={"listChanged": True}, sampling={}, elicitation={"form": {}, "url": {}}),
    able(tasks={"list": {}, "requests": {"sampling": {"createMessage": {}}}}),
    able(experimental={"a/b": {"c": 1}}, extensions={"d/ui": {"mimeTypes": ["text/html"]}}),
    enveloped("server/discover", request_id="probe-1"),
    enveloped("tools/list", progressToken="p", traceparent="00-1"),
    stamped(clientCapabilities={"roots": {"listChanged": False}}),
    stamped(clientInfo={"name": "a", "version": "1", "title": "t"}),
]
#: Wrong, or unusual, or nothing that is prepared.
LEFT: list[Message | bytes] = [
    b"{oops",
    b"\xff\xfe",
    b"[]",
    b'{"jsonrpc":"2.0","id":"\\ud800","method":"initialize","params":{}}',
    changed(jsonrpc="1.0"),
    changed(id=True),
    changed(id=1.5),
    changed(params=None),
    changed(params=[]),
    changed(result={}),
    opened({"protocolVersion": 5}),
    opened({"capabilities": []}),
    opened({"more": 1}),
    opened({"_meta": 1}),
    opened({"_meta": {"progressToken": 1.5}}),
    opened({"_meta": {"progressToken": True}}),
    opened({"clientInfo": {"name": "a"}}),
    opened(version=1),
    opened(icons=[{"src": "a"}]),
    able(roots={"listChanged": "abc"}),
    able(roots={"listChanged": {}}),
    able(elicitation={"form": True}),
    able(extensions={"a": 1}),
    able(sampling=None),
    request("tools/list"),
    request("ping"),
    enveloped("ping"),
    enveloped("tools/list", {"cursor": "2"}),
    enveloped("tools/list", progressToken=1.5),
    stamped(logLevel="abc"),
    stamped(protocolVersion="2025-11-25"),
    stamped(clientInfo={"name": 3, "version": "1"}),
    stamped(clientCapabilities=[]),
    enveloped("tools/call", calling("list-tasks")),
]


def line(message: Message | bytes) -> bytes:
    return message if isinstance(message, bytes) else json.dumps(message).encode()


def opening() -> Opening:
    return Opening(bootstrap.prepared_answers())


@pytest.mark.parametrize("message", PLAIN, ids=lambda message: line(message).decode()[:200])
def test_an_opening_request_is_answered_as_the_sdk_answers_it(message: Message) -> None:
    taken = opening().take(line(message))
    assert taken
    answer = json.loads(taken)
    assert answer.pop("jsonrpc") == "2.0"
    [expected] = answers([line(message)])
    assert answer == {key: expected[key] for key in ("id", "result")}


def test_what_is_wrong_or_unusual_is_left_to_the_sdk_as_it_is() -> None:
    for message in LEFT:
        start = opening()
        assert start.take(line(message)) is None, message
        assert start.waiting
        assert start.left == line(message) + b"\n"


def test_the_handshake_opens_the_way_to_requests_without_an_envelope() -> None:
    lines = [opened(), INITIALIZED, request("ping", None, 2), request("tools/list", None, 3)]
    start = opening()
    found = [json.loads(taken) for taken in map(start.take, map(line, lines)) if taken]
    expected = answers(list(map(line, lines)))
    assert [answer["result"] for answer in found] == [answer["result"] for answer in expected]
    assert not start.waiting
    first, second = start.left.splitlines()
    assert json.loads(first) == opened() | {"id": "runr/replayed"}
    assert json.loads(second) == INITIALIZED


def test_a_second_handshake_is_left_to_the_sdk_with_what_depends_on_it() -> None:
    start = opening()
    assert start.take(line(opened()))
    assert not start.take(line(initialize(5)))
    assert not start.take(line(request("tools/list")))
    assert start.take(line(enveloped("tools/list")))


def test_a_client_that_does_not_read_cannot_block_the_server() -> None:
    start = opening()
    taken = [start.take(line(enveloped("tools/list", None, number))) for number in range(100)]
    assert sum(len(answer) for answer in taken if answer) < 65536
    assert start.full
    assert start.left.count(b"\n") == taken.count(None)


def test_the_opening_needs_the_standard_library_alone() -> None:
    with RawClient([sys.executable, "-c", BARE]) as client:
        client.send(enveloped("server/discover", None, "probe"), enveloped("tools/list", None, 1))
        assert client.receive()["id"] == "probe"
        tools = client.receive()["result"]["tools"]
        assert client.handshake()["result"]["protocolVersion"] == "2025-11-25"
        assert client.ask(request("ping", None, 2))["result"] == {}
        assert client.ask(request("tools/list", None, 3))["result"]["tools"] == tools
        client.send(request("tools/call", calling("list-tasks"), 4))
        assert client.hang_up() == 1
        assert "ModuleNotFoundError" in client.log


@pytest.fixture
def client() -> Iterator[RawClient]:
    command = [sys.executable, "-W", "error", "-m", "mcpserver.toy_server"]
    with RawClient(command, {**os.environ, "PYTHONPATH": str(TESTS)}) as client:
        yield client


def test_the_sdk_knows_the_client_whose_handshake_it_did_not_answer(client: RawClient) -> None:
    hello = line(opened(name="raw", version="7"))
    client.write(hello[:40])
    client.write(hello[40:] + b"\n" + line(INITIALIZED) + b"\n")
    assert client.receive()["result"]["protocolVersion"] == "2025-06-18"
    # The same id again: the answer to the first request has been read.
    again = client.ask(request("tools/call", calling("caller"), 0))
    assert again["result"]["structuredContent"]["text"] == "raw 7"
    newer = enveloped("tools/call", calling("caller"), 0)
    assert client.ask(newer)["result"]["structuredContent"]["text"] == "raw 0"
    assert client.hang_up() == 0
    assert client.remaining() == []


def test_a_client_that_leaves_after_the_opening_ends_the_server(client: RawClient) -> None:
    client.handshake()
    client.ask(request("ping", None, 2))
    assert client.hang_up() == 0
    assert client.log == ""


def test_what_a_client_leaves_behind_unread_is_still_answered(client: RawClient) -> None:
    client.send(opened(), request("tools/call", calling("caller"), 7))
    client.write(b"{oops")
    assert client.hang_up() == 0
    found = [json.loads(answer) for answer in client.remaining()]
    assert [answer["id"] for answer in found[:1]] == [0]
    assert -32700 in [answer.get("error", {}).get("code") for answer in found]
