"""The transport of the server: messages, limits and shutdown."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.terminal import Place
from fakes.marks import also_long
from mcpserver.raw_client import (
    Message,
    RawClient,
    calling,
    enveloped,
    initialize,
    request,
)
from runr.mcp_server import identity

TESTS = Path(__file__).parents[1]
LIMIT = 8 * 1024 * 1024
SIGNALS = (signal.SIGTERM, *also_long(signal.SIGINT, signal.SIGHUP))


@pytest.fixture
def client() -> Iterator[RawClient]:
    command = [sys.executable, "-W", "error", "-m", "mcpserver.toy_server"]
    with RawClient(command, {**os.environ, "PYTHONPATH": str(TESTS)}) as client:
        yield client


def text(answer: Message) -> str:
    return str(answer["result"]["content"][0]["text"])


def test_the_first_answer_is_what_the_sdk_answers_itself(client: RawClient) -> None:
    first, second = (client.ask(enveloped("server/discover", None, n)) for n in (1, 2))
    assert first["result"] == second["result"]
    assert first["result"]["supportedVersions"] == [identity.PROTOCOL]
    assert first["result"]["capabilities"].keys() == {*identity.CAPABILITIES, "extensions"}


@pytest.mark.parametrize(
    "opening",
    [
        enveloped("server/discover", request_id=1) | {"jsonrpc": "1.0"},
        enveloped("server/discover", None, 1, **{"io.modelcontextprotocol/protocolVersion": "1"}),
        request("server/discover", {"_meta": {}}),
    ],
)
def test_a_discovery_that_is_not_plain_is_left_to_the_sdk(
    client: RawClient, opening: Message
) -> None:
    assert "error" in client.ask(opening)


def test_what_follows_the_discovery_in_one_write_is_served(client: RawClient) -> None:
    client.send(enveloped("server/discover", None, 1), enveloped("tools/list", None, 2))
    assert client.receive()["id"] == 1
    assert len(client.receive()["result"]["tools"]) == 8


def test_the_handshake_works_in_a_connection_that_was_opened_with_a_discovery(
    client: RawClient,
) -> None:
    client.ask(enveloped("server/discover", None, "probe"))
    assert client.handshake()["result"]["serverInfo"]["name"] == identity.NAME
    assert text(client.ask(request("tools/call", calling("echo", text="old"), 5))).count("old")
    assert text(client.ask(enveloped("tools/call", calling("echo", text="new"), 6))).count("new")


@pytest.mark.parametrize(
    "version", ["2024-11-05", *also_long("2025-03-26", "2025-06-18"), "2025-11-25"]
)
def test_every_version_with_a_handshake_is_spoken(client: RawClient, version: str) -> None:
    answer = client.handshake(version)["result"]
    assert answer["protocolVersion"] == version
    assert answer["instructions"] == identity.INSTRUCTIONS
    assert answer["capabilities"] == identity.CAPABILITIES
    assert client.ask(request("tools/list"))["result"]["tools"]


def test_a_request_before_the_handshake_is_refused(client: RawClient) -> None:
    assert client.ask(request("tools/list"))["error"]["code"] == -32602


def test_every_invalid_message_is_answered(client: RawClient) -> None:
    lines: dict[bytes, tuple[int, int | str | None]] = {
        b"{oops": (-32700, None),
        b"\xff\xfe": (-32700, None),
        b"[" * 20_000: (-32700, None),
        b"1": (-32600, None),
        b"[]": (-32600, None),
        b'{"id":1}': (-32600, 1),
        b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}': (-32600, None),
        b'{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}': (-32600, None),
        b'{"jsonrpc":"2.0","id":true,"method":"tools/list"}': (-32600, None),
        b'{"jsonrpc":"2.0","id":"a","method":"a","params":{"a":"\\ud800"}}': (-32600, "a"),
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}': (-32600, 1),
    }
    client.handshake()
    client.write(b"\n".join(lines) + b"\n")
    answers = [client.receive() for _ in lines]
    message = [(answer["error"]["code"], answer["id"]) for answer in answers]
    assert message == list(lines.values())
    assert client.ask(request("tools/list", None, 9))["result"]


def test_an_invalid_number_is_an_invalid_argument(client: RawClient) -> None:
    client.handshake()
    line = json.dumps(request("tools/call", calling("echo", text="a", share=float("nan"))))
    assert "NaN" in line
    client.write(line.encode() + b"\n")
    answer = client.receive()
    assert answer["result"]["isError"]
    assert "share: Input should be a finite number" in text(answer)


def test_blank_lines_and_carriage_returns_do_not_matter(client: RawClient) -> None:
    client.write(b"\n\r\n" + json.dumps(initialize()).encode() + b"\r\n")
    assert client.receive()["result"]


def test_a_message_over_the_limit_is_refused_and_the_next_one_served(client: RawClient) -> None:
    client.handshake()
    client.write(b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * LIMIT + b'"}\n')
    assert client.receive()["error"]["code"] == -32600
    assert client.ask(request("tools/list", None, 9))["result"]


def test_a_message_just_under_the_limit_is_served(client: RawClient) -> None:
    client.handshake()
    long = "x" * (LIMIT - 200)
    assert long in text(client.ask(request("tools/call", calling("echo", text=long))))


def test_a_thousand_requests_at_once_are_all_answered(client: RawClient) -> None:
    client.handshake()
    ids = set(range(1, 1001))
    client.send(*(request("tools/call", calling("echo", text="hi"), n) for n in ids))
    assert {client.receive()["id"] for _ in ids} == ids


def test_the_last_line_needs_no_line_end(client: RawClient) -> None:
    client.handshake()
    client.write(b"{oops")
    assert client.hang_up() == 0
    assert [json.loads(line)["error"]["code"] for line in client.remaining()] == [-32700]


@pytest.mark.parametrize("opening", [[], [initialize(9)]], ids=["cold", "opened"])
def test_what_was_asked_before_the_input_ends_is_answered(
    client: RawClient, opening: list[Message]
) -> None:
    asked = [request("ping", None, 1)]
    if opening:
        asked += [request("tools/call", calling("echo", text="hi"), n) for n in range(2, 30)]
        asked += [request("tools/call", calling("noisy"), 30)]
    client.send(*opening, *asked)
    assert client.hang_up() == 0
    answers = {line["id"]: line for line in map(json.loads, client.remaining())}
    assert answers.keys() == {message["id"] for message in (*opening, *asked)}
    assert all("result" in answer for answer in answers.values())


def test_a_call_that_does_not_end_with_the_input_is_refused_and_not_left_unanswered(
    client: RawClient,
) -> None:
    client.handshake()
    client.send(request("tools/call", calling("wait"), 1), request("ping", None, 2))
    assert client.hang_up() == 0
    answers = {line["id"]: line for line in map(json.loads, client.remaining())}
    assert answers[2]["result"] == {}
    assert "Connection closed" in answers[1]["error"]["message"]


def test_only_the_protocol_reaches_standard_output(client: RawClient) -> None:
    client.handshake()
    answer = client.ask(request("tools/call", calling("noisy")))
    assert "cat ended with 0" in text(answer)
    assert client.hang_up() == 0
    assert client.remaining() == []
    assert {"printed", "written", "by a child"} <= set(client.log.splitlines())


@pytest.mark.parametrize("tool", [*also_long("echo"), "wait"])
def test_closing_standard_input_ends_the_server(client: RawClient, tool: str) -> None:
    client.handshake()
    arguments = {"text": "hi"} if tool == "echo" else {}
    client.send(request("tools/call", calling(tool, **arguments)))
    assert client.hang_up() == 0


def test_a_client_that_disconnects_ends_the_server(client: RawClient) -> None:
    assert client.hang_up() == 0
    assert client.log == ""


@pytest.mark.installed
@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        (">&-", "runr: mcp answers on standard output, which is closed\n"),
        ("2>&-", ""),
    ],
)
def test_a_closed_standard_stream_is_named_or_not_needed(
    redirection: str, said: str, tmp_path: Path
) -> None:
    command = f'"{sys.executable}" -m runr mcp {redirection}'
    opening = json.dumps(initialize()) + "\n"
    ended = subprocess.run(
        ["bash", "-c", command],
        input=opening,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert ended.stderr == said
    assert ended.returncode == (1 if said else 0)
    assert bool(ended.stdout) is not bool(said)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("tool", ["wait", "hold"])
def test_a_signal_ends_the_server_whatever_it_is_doing(
    client: RawClient, number: signal.Signals, tool: str
) -> None:
    client.handshake()
    client.send(request("tools/call", calling(tool)))
    client.wait_for_log("holding" if tool == "hold" else "waiting")
    assert client.interrupt(number) == 0
    assert "Traceback" not in client.log


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_the_sdk_is_being_loaded_ends_the_server(
    client: RawClient, number: signal.Signals
) -> None:
    client.ask(enveloped("server/discover"))
    assert client.interrupt(number) == 0
    assert "Traceback" not in client.log


def test_a_second_signal_does_not_kill_the_server_on_its_way_out(client: RawClient) -> None:
    client.handshake()
    client.send(request("tools/call", calling("hold")))
    client.wait_for_log("holding")
    client.kick(signal.SIGINT)
    assert client.interrupt(signal.SIGTERM) == 0


@pytest.mark.parametrize("era", ["handshake", "envelope"])
def test_a_cancelled_call_is_not_answered_and_the_next_one_is(client: RawClient, era: str) -> None:
    write = request if era == "handshake" else enveloped
    if era == "handshake":
        client.handshake()
    client.send(write("tools/call", calling("wait"), 7))
    client.wait_for_log("waiting")
    cancelled = {"requestId": 7, "reason": "enough"}
    client.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled})
    client.send(write("tools/call", calling("echo", text="hi"), 8))
    assert client.receive()["id"] == 8
    assert client.hang_up() == 0
    assert client.remaining() == []


@pytest.mark.parametrize("era", ["handshake", "envelope"])
def test_progress_reaches_a_caller_that_asked_for_it(client: RawClient, era: str) -> None:
    params = calling("count")
    if era == "handshake":
        client.handshake()
        client.send(request("tools/call", {**params, "_meta": {"progressToken": "p"}}))
    else:
        client.send(enveloped("tools/call", params, 1, progressToken="p"))
    message = [client.receive()["params"] for _ in range(3)]
    assert [(step["progressToken"], step["progress"]) for step in message] == [
        ("p", 1),
        ("p", 2),
        ("p", 3),
    ]
    assert message[0]["message"] == "step 1"
    assert client.receive()["result"]


def test_a_folder_whose_name_is_no_text_is_shown_and_ends_no_session(
    tmp_path: Path, home: Path
) -> None:
    place = Place(tmp_path / os.fsdecode(b"caf\xe9"), home)
    place.git("init", "-q", "-b", "main")
    place.config('[run]\nworker = "script"\n')
    place.script("a.md", "echo 1 > a.txt", "verify: [test -f a.txt]")
    place.commit("Begin")
    place.run("a")
    command = [sys.executable, "-m", "runr", "mcp", "--repo", str(place.root)]
    with RawClient(command, os.environ) as client:
        client.handshake()
        shown = client.ask(request("tools/call", calling("task-status", task="a"), 2))
        there = shown["result"]["structuredContent"]["run"]["run_dir"]
        assert there.startswith(f"{tmp_path}/caf\\udce9/")
        assert "result" in client.ask(request("tools/call", calling("list-tasks"), 3))
