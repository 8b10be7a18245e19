"""Which requests are answered from prepared answers, and which are left to the SDK."""

import json
from typing import Any

import pytest

from runr.mcp_server.prepared import REPLAYED, Opening

META = "io.modelcontextprotocol/"
ENVELOPE = {f"{META}protocolVersion": "2026-07-28", f"{META}clientCapabilities": {}}
PREPARED = {
    "handshake": {
        "versions": ["2024-11-05", "2025-03-26", "2025-06-18"],
        "results": {
            "initialize": {"serverInfo": {}, "instructions": "Größe"},
            "ping": {},
            "tools/list": {"tools": [1]},
        },
    },
    "envelope": {"versions": ["2026-07-28"], "results": {"tools/list": {"tools": [2]}}},
}
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {"roots": {"listChanged": True}, "experimental": {"x/y": {}}},
    "clientInfo": {"name": "a", "version": "1"},
}


def line(method: str, params: Any = None, **more: Any) -> bytes:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, **more}
    return json.dumps(message if params is None else message | {"params": params}).encode()


def result(opening: Opening, asked: bytes) -> Any:
    answer = opening.take(asked)
    return None if answer is None else json.loads(answer)["result"]


def test_a_handshake_is_answered_and_replayed_to_the_sdk_under_another_id() -> None:
    opening = Opening(PREPARED)
    answer = opening.take(line("initialize", HELLO))
    assert answer is not None
    assert json.loads(answer) == {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {
            "serverInfo": {},
            "instructions": "Größe",
            "protocolVersion": "2025-06-18",
        },
    }
    assert "Größe".encode() in answer
    assert answer.endswith(b"}\n")
    assert opening.handshake
    assert json.loads(opening.left) == json.loads(line("initialize", HELLO)) | {"id": REPLAYED}
    assert not opening.waiting


def test_an_unknown_version_is_answered_with_the_latest() -> None:
    hello = HELLO | {"protocolVersion": "2031-01-01"}
    assert result(Opening(PREPARED), line("initialize", hello))["protocolVersion"] == "2025-06-18"
    old = HELLO | {"protocolVersion": "2024-11-05"}
    assert result(Opening(PREPARED), line("initialize", old))["protocolVersion"] == "2024-11-05"


@pytest.mark.parametrize(
    "change",
    [
        {"protocolVersion": 1},
        {"capabilities": None},
        {"capabilities": {"roots": 1}},
        {"capabilities": {"roots": {"listChanged": "yes"}}},
        {"capabilities": {"roots": {"deep": {"listChanged": 1}}}},
        {"capabilities": {"experimental": {"x": 1}}},
        {"capabilities": {"roots": {"deep": {"deeper": {"listChanged": {}}}}}},
        {"capabilities": {"roots": {"deep": {"deeper": {"deepest": 1}}}}},
        {"clientInfo": {"name": "a"}},
        {"clientInfo": {"name": "a", "version": 1}},
        {"clientInfo": {"name": "a", "version": "1", "colour": "red"}},
        {"clientInfo": "a"},
        {"_meta": []},
        {"_meta": {"progressToken": 1.5}},
        {"more": 1},
    ],
)
def test_an_unusual_handshake_is_left_to_the_sdk(change: dict[str, Any]) -> None:
    opening = Opening(PREPARED)
    asked = line("initialize", HELLO | change)
    assert opening.take(asked) is None
    assert (opening.left, opening.waiting, opening.handshake) == (asked + b"\n", True, False)


def test_a_client_may_say_more_of_itself() -> None:
    info = {"name": "a", "version": "1", "title": "A", "websiteUrl": "u", "description": "d"}
    hello = HELLO | {"clientInfo": info, "_meta": {"progressToken": "p"}}
    assert result(Opening(PREPARED), line("initialize", hello))


def test_what_follows_a_handshake_is_answered_for_its_era() -> None:
    opening = Opening(PREPARED)
    assert result(opening, line("tools/list")) is None
    opening = Opening(PREPARED)
    opening.take(line("initialize", HELLO))
    assert result(opening, line("tools/list")) == {"tools": [1]}
    assert result(opening, line("ping", {})) == {}
    assert result(opening, line("tools/list", {"_meta": {"progressToken": 0}})) == {"tools": [1]}
    assert result(opening, line("tools/list", {"_meta": ENVELOPE})) == {"tools": [2]}
    assert not opening.waiting
    assert result(opening, line("initialize", HELLO)) is None
    assert (opening.handshake, opening.waiting) == (False, True)


@pytest.mark.parametrize(
    "asked",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 200_000,
        b"\xff",
        b'{"id": "\\ud800", "jsonrpc": "2.0", "method": "ping"}',
        line("ping", jsonrpc="1.0"),
        line("ping", id=None),
        line("ping", id=True),
        line("ping", id=1.5),
        line("ping", more=1),
        line("ping", []),
        line("ping", {"cursor": "x"}),
        line("ping", {"_meta": {"progressToken": True}}),
        line("resources/read", {}),
        line("tools/list", {"_meta": ENVELOPE | {f"{META}protocolVersion": "2020-01-01"}}),
        line("tools/list", {"_meta": ENVELOPE | {f"{META}clientInfo": {}}}),
        line("tools/list", {"_meta": ENVELOPE | {f"{META}more": 1}}),
        line("tools/list", {"_meta": {f"{META}protocolVersion": "2026-07-28"}}),
        line("ping", {"_meta": ENVELOPE}),
    ],
)
def test_what_is_unusual_is_left_to_the_sdk(asked: bytes) -> None:
    opening = Opening(PREPARED)
    opening.take(line("initialize", HELLO))
    left = opening.left
    assert opening.take(asked) is None
    assert opening.left == left + asked + b"\n"
    assert opening.waiting is bool(asked)


def test_an_envelope_may_name_its_client() -> None:
    meta = ENVELOPE | {f"{META}clientInfo": {"name": "a", "version": "1"}, "own": 1}
    assert result(Opening(PREPARED), line("tools/list", {"_meta": meta})) == {"tools": [2]}


def test_a_notification_is_left_and_needs_no_answer() -> None:
    opening = Opening(PREPARED)
    note = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode()
    assert opening.take(note) is None
    assert (opening.left, opening.waiting) == (note + b"\n", False)
    changed = json.dumps({"jsonrpc": "2.0", "method": "notifications/x", "params": {}}).encode()
    assert opening.take(changed) is None
    assert not opening.waiting
    opening.take(b'{"method": 1}')
    assert opening.waiting


def test_a_client_that_does_not_read_is_answered_eight_times() -> None:
    opening = Opening(PREPARED)
    asked = line("tools/list", {"_meta": ENVELOPE})
    assert [opening.take(asked) is None for _ in range(9)] == [False] * 8 + [True]
    assert (opening.full, opening.waiting, opening.left) == (True, True, asked + b"\n")
