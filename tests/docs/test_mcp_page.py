"""The examples of the page about MCP are what the server answers."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.terminal import Place
from docs import walkthrough
from fakes.forked import RUNR
from mcpserver.raw_client import RawClient
from runr.setup import demo

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "mcp.md").read_text(encoding="utf-8")
SESSION = {"CLAUDE_CODE_SESSION_ID": "5a4b0f6e-0000-4000-8000-000000000001"}
SPANISH = "---\ndepends_on: [00-setup]\nowns: [greetings/]\n---\n# Greet in Spanish\n"

_BLOCK = re.compile(r"^```json\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_REFUSAL = re.compile(r"^```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def examples() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Yield each tool, the arguments of its example, and the answer."""
    for section in PAGE.split("\n## `")[1:]:
        arguments, answer = map(json.loads, _BLOCK.findall(section))
        yield section.partition("`")[0], arguments, answer


def call(client: RawClient, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments}
    request = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    result = client.ask(request)["result"]
    assert isinstance(result, dict)
    return result


def shape(value: Any) -> Any:
    """Return a value without what is different in every run; `…` ends a shortened text."""
    if isinstance(value, dict):
        return {key: shape(part) for key, part in value.items() if key != "seconds"}
    if isinstance(value, list):
        return [shape(part) for part in value]
    if isinstance(value, str):
        return walkthrough.settled(value.partition("…")[0])
    return value


def shortened(answer: Any, shown: Any) -> Any:
    """Return the answer with its brief as short as the page shows it."""
    if "brief" in shown:
        length = len(shown["brief"].partition("…")[0])
        answer["brief"] = answer["brief"][:length]
    return answer


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(demo.make(tmp_path / "demo").layout.root, tmp_path)
    place.write(".runr/tasks/05-spanish.md", SPANISH)
    place.commit("Add a task")
    for task in ("00-setup", "01-french", "04-tidy"):
        place.runr("run", "--task", task)
    return place


def test_each_call_of_the_page_is_answered_as_the_page_shows(place: Place) -> None:
    with RawClient([RUNR, "mcp", "--repo", str(place.root)], {**os.environ, **SESSION}) as client:
        client.handshake()
        for tool, arguments, shown in examples():
            if tool == "complete-task":
                place.write("greetings/spanish.txt", "Hola\n")
            answer = shortened(call(client, tool, arguments)["structuredContent"], shown)
            text = json.dumps(answer).replace(str(place.root), "/home/ada/demo")
            assert shape(json.loads(text)) == shape(shown), tool
        (refusal,) = _REFUSAL.findall(PAGE)
        refused = call(client, "run-task", {"task": "03-tell-the-team"})
        assert refused["isError"]
        assert refused["content"][0]["text"] == refusal.rstrip()
