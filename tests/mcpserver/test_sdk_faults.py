"""Why the server has code that an MCP SDK should have: each fault, shown in the SDK alone.

A test fails once the SDK no longer has the fault, and says what of runr can then be deleted: as
soon as `pyproject.toml` requires that version.
"""

import inspect
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from mcp.server import Server
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.shared.inbound import NAME_BEARING_METHODS

from fakes.marks import also_long
from mcpserver.raw_client import Message, RawClient, calling, enveloped, initialize, request
from runr.mcp_server.framing import LIMIT

BARE = [sys.executable, str(Path(__file__).with_name("bare_sdk.py"))]
#: Prints how many modules are loaded with the SDK.
COUNT = "import sys; before = len(sys.modules); import mcp.server; print(len(sys.modules) - before)"


def still(fault: bool, fixed: str, obsolete: str) -> None:
    """Fail where the SDK is as it should be."""
    assert fault, f"mcp {version('mcp')} {fixed}; delete {obsolete}"


@pytest.fixture
def bare() -> Iterator[RawClient]:
    with RawClient(BARE, os.environ) as client:
        yield client


def is_dropped(client: RawClient, line: bytes) -> bool:
    """Tell whether the answer to the next request comes first."""
    client.write(line + b"\n")
    client.send(request("ping", None, "next"))
    return client.receive().get("id") == "next"


def test_what_is_no_request_is_dropped_and_a_message_of_any_size_served(bare: RawClient) -> None:
    bare.handshake()
    for line in (b"{oops", b"\xff\xfe", b"[]", b'{"id":1}', b'{"jsonrpc":"2.0","id":2,"method":3}'):
        still(
            is_dropped(bare, line),
            f"answers {line!r}",
            "framing.Refusal, framing.decode and stdio._Reader._accept",
        )
    for wrong in (1.5, True, None):
        line = json.dumps({**request("tools/list"), "id": wrong}).encode()
        still(is_dropped(bare, line), f"refuses the id {wrong}", "the end of framing.decode")
    long = request("tools/call", calling("echo", text="x" * LIMIT))
    still("result" in bare.ask(long), "limits what it reads", "framing.LIMIT and framing.Lines")


def test_the_end_of_the_input_drops_what_was_asked_before(bare: RawClient) -> None:
    bare.handshake()
    bare.send(request("tools/call", calling("brief"), 1))
    bare.hang_up()
    answered = [line for line in map(json.loads, bare.remaining()) if "result" in line]
    still(not answered, "answers what was asked", "the module unanswered")


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (enveloped("server/discover", None, 0), initialize(1)),
        *also_long((initialize(0), enveloped("tools/list", None, 1))),
    ],
    ids=["discovery-handshake", "handshake-envelope"],
)
def test_a_connection_has_one_generation_of_the_protocol(
    bare: RawClient, first: Message, then: Message
) -> None:
    assert "result" in bare.ask(first)
    still("error" in bare.ask(then), "serves both generations", "the module negotiation")


def test_an_interrupt_ends_the_call_but_not_the_server_and_at_last_is_a_traceback(
    bare: RawClient,
) -> None:
    bare.handshake()
    bare.send(request("tools/call", calling("wait")))
    bare.wait_for_log("waiting")
    bare.kick(signal.SIGINT)
    bare.wait_for_log("the call has ended")
    code = bare.hang_up()
    still(
        code == -signal.SIGINT and "KeyboardInterrupt" in bare.log,
        "ends on SIGINT",
        "stdio._signals for SIGINT",
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, *also_long(signal.SIGHUP)], ids=str)
def test_a_signal_kills_the_server_without_an_end_of_its_calls(
    bare: RawClient, number: signal.Signals
) -> None:
    bare.handshake()
    bare.send(request("tools/call", calling("wait")))
    bare.wait_for_log("waiting")
    code = bare.interrupt(number)
    still(
        code == -number and "the call has ended" not in bare.log,
        f"ends its calls on {number.name}",
        f"stdio._signals and stdio._Reader.leave for {number.name}",
    )


def test_an_early_request_waits_for_hundreds_of_modules() -> None:
    loaded = int(subprocess.check_output([sys.executable, "-c", COUNT]))
    still(
        loaded > 300,
        f"loads {loaded} modules: see in tests/perf/bench_mcp.py how long that takes",
        "the modules bootstrap and prepared with prepared.json if it is quick enough",
    )


def echo(text: str, colour: str | None = None) -> str:
    """Repeat it."""
    return text + (colour or "")


def test_the_schema_of_a_tool_repeats_its_names_as_titles_and_offers_null() -> None:
    listed = Tool.from_function(echo)
    still(
        listed.parameters["properties"]
        == {
            "text": {"title": "Text", "type": "string"},
            "colour": {
                "anyOf": [{"type": "string"}, {"type": "null"}],
                "default": None,
                "title": "Colour",
            },
        },
        "writes shorter schemas",
        "schema.accepted and what it calls, as far as the schemas are as short",
    )


@pytest.mark.anyio
async def test_a_wrong_argument_is_explained_in_several_lines_and_an_unknown_one_dropped() -> None:
    tool = Tool.from_function(echo)
    with pytest.raises(ToolError) as refused:
        await tool.run({"text": 1}, None)  # type: ignore[arg-type] # this tool needs no context
    still(
        len(str(refused.value).splitlines()) > 1,
        "explains a wrong argument in a line",
        "schema.explain_validation_error and what it calls",
    )
    answer = await tool.run({"text": "a", "color": "red"}, None)  # type: ignore[arg-type] # as above
    still(answer == "a", "refuses unknown arguments", "registry.Arguments.model_config")


def test_a_request_about_a_task_is_not_compared_with_its_header() -> None:
    still(
        "tasks/get" not in NAME_BEARING_METHODS,
        "compares Mcp-Name with the id of a task",
        "the second half of long_tasks._check",
    )


def test_a_tool_cannot_answer_with_a_task() -> None:
    accepted = inspect.signature(Server).parameters["on_call_tool"].annotation
    still(
        "dict" not in str(accepted) and "Task" not in str(accepted),
        "takes a task for the answer of a tool",
        "server.assemble's add_request_handler for tools/call, and pass on_call_tool",
    )
