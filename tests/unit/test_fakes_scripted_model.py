"""The scripted model of the clients other than Claude Code, asked as these ask."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from fakes.model_dialects import CHAT, GEMINI, RESPONSES, Dialect
from fakes.scripted_model import Call, ScriptedModel

Json = dict[str, Any]
_FUNCTION = {"type": "function", "function": {"name": "runr_list-tasks"}}
_NAMESPACE = {"type": "namespace", "name": "mcp__runr", "tools": [{"name": "list_tasks"}]}
_RESPONSE = {"functionResponse": {"response": {"output": "a task"}}}

#: For each dialect: a request with the tool, what is in it once that was called, and the name.
ASKED: dict[str, tuple[Dialect, Json, Json, str]] = {
    "responses": (
        RESPONSES,
        {"tools": [_NAMESPACE], "input": []},
        {"input": [{"type": "function_call_output", "output": "a task"}]},
        "list_tasks",
    ),
    "gemini": (
        GEMINI,
        {"tools": [{"functionDeclarations": [{"name": "mcp_runr_list-tasks"}]}], "contents": []},
        {"contents": [{"parts": [_RESPONSE]}]},
        "mcp_runr_list-tasks",
    ),
    "chat": (
        CHAT,
        {"tools": [_FUNCTION], "messages": []},
        {"messages": [{"role": "tool", "content": "a task"}]},
        "runr_list-tasks",
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_it_calls_the_offered_tool_and_then_has_nothing_more_to_do(name: str) -> None:
    dialect, first, called, offered = ASKED[name]
    with ScriptedModel(dialect, [Call("list-tasks", ready=True)]) as model:
        call = ask(model, dialect, first)
        end = ask(model, dialect, first | called)
    assert f'"name": "{offered}"' in call
    assert "ready" in call
    assert '"done"' in end
    assert [turn.tools for turn in model.turns] == [["list-tasks"]] * 2
    assert "a task" in model.turns[1].results[0]


@pytest.mark.parametrize("name", ASKED)
def test_a_tool_that_is_not_offered_is_missing(name: str) -> None:
    dialect, first, _, _ = ASKED[name]
    with ScriptedModel(dialect, [Call("run-task")]) as model:
        assert "run-task is missing" in ask(model, dialect, first)
    assert model.missing == ["run-task"]


@pytest.mark.parametrize("name", ASKED)
def test_a_request_without_tools_is_no_turn(name: str) -> None:
    dialect, first, _, _ = ASKED[name]
    with ScriptedModel(dialect, [Call("list-tasks")]) as model:
        assert "{}" in ask(model, dialect, first | {"tools": []})
        assert not model.turns


def ask(model: ScriptedModel, dialect: Dialect, body: Json) -> str:
    """Return the events of an answer."""
    connection = http.client.HTTPConnection(urlsplit(model.url).netloc, timeout=10)
    try:
        connection.request("POST", f"/v1{dialect.path}?alt=sse", json.dumps(body))
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode()
    finally:
        connection.close()
