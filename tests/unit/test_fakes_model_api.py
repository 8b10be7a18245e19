"""The scripted model itself."""

import http.client
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from fakes.model_api import FakeModel, Json, ModelRequest

TOOLS = [{"name": "Bash"}, {"name": "Edit"}]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Json:
        parsed: Json = json.loads(self.raw)
        return parsed

    @property
    def events(self) -> list[Json]:
        lines = self.raw.decode().splitlines()
        return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]

    @property
    def text(self) -> str:
        return "".join(block.get("text", "") for block in self.json["content"])


def call(model: FakeModel, path: str, body: Json, headers: dict[str, str] | None = None) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(model.url).netloc, timeout=10)
    try:
        connection.request("POST", path, json.dumps(body), headers or {})
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


def ask(model: FakeModel, prompt: str = "go", **body: Any) -> Answer:
    asked: Json = {
        "model": "claude-test",
        "messages": [{"role": "user", "content": prompt}],
        "tools": TOOLS,
        **body,
    }
    return call(model, "/v1/messages?beta=true", asked)


def test_turns_are_played_in_order_and_then_the_script_is_exhausted() -> None:
    with FakeModel([{"text": "one"}, {"text": "two", "repeat": 2}]) as model:
        texts = [ask(model).text for _ in range(4)]
    assert texts == ["one", "two", "two", "[script exhausted]"]


def test_a_turn_repeated_for_ever_never_runs_out() -> None:
    with FakeModel([{"text": "again", "repeat": -1}]) as model:
        assert [ask(model).text for _ in range(3)] == ["again"] * 3


def test_an_answer_names_the_tools_called_and_the_tokens_used() -> None:
    turn = {"text": "I look", "tools": [{"name": "Bash", "input": {"command": "ls"}}]}
    with FakeModel([{**turn, "usage": {"input_tokens": 7}}]) as model:
        answer = ask(model).json
    text, tool = answer["content"]
    assert text == {"type": "text", "text": "I look"}
    assert (tool["type"], tool["name"], tool["input"]) == ("tool_use", "Bash", {"command": "ls"})
    assert answer["stop_reason"] == "tool_use"
    assert answer["model"] == "claude-test"
    assert (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]) == (7, 20)


def test_a_stream_carries_the_same_answer_in_events() -> None:
    turn = {"text": "héllo", "tools": [{"name": "Edit", "input": {"a": [1]}, "id": "toolu_1"}]}
    with FakeModel([turn]) as model:
        answer = ask(model, stream=True)
    events = answer.events
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [event["type"] for event in events] == [
        "message_start",
        *["content_block_start", "content_block_delta", "content_block_stop"] * 2,
        "message_delta",
        "message_stop",
    ]
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert deltas[0] == {"type": "text_delta", "text": "héllo"}
    assert json.loads(deltas[1]["partial_json"]) == {"a": [1]}
    assert events[4]["content_block"]["id"] == "toolu_1"
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_a_stream_can_break_off_in_the_middle() -> None:
    with FakeModel([{"text": "never ends", "cut_after": 2}]) as model:
        events = ask(model, stream=True).events
    assert [event["type"] for event in events] == ["message_start", "content_block_start"]


@pytest.mark.parametrize(
    ("status", "kind"), [(429, "rate_limit_error"), (529, "overloaded_error"), (500, "api_error")]
)
def test_an_error_turn_is_an_http_error_and_is_used_up(status: int, kind: str) -> None:
    error = {"status": status, "message": "not now", "headers": {"retry-after": "1"}}
    with FakeModel([{"error": error}, {"text": "better"}]) as model:
        refused, answered = ask(model), ask(model)
    assert refused.status == status
    assert refused.json["error"] == {"type": kind, "message": "not now"}
    assert refused.headers["retry-after"] == "1"
    assert answered.text == "better"


def test_lanes_keep_conversations_apart() -> None:
    script = {
        "lanes": [
            {"match": {"prompt": "^SUB", "tool": "Edit"}, "turns": [{"text": "sub"}]},
            {"match": {"has_tools": False}, "turns": [{"text": "bare"}]},
            {"match": {"last_user_text": "system says"}, "turns": [{"text": "last"}]},
        ],
        "turns": [{"text": "main"}],
        "exhausted": {"text": "dry"},
    }
    with FakeModel(script) as model:
        texts = [
            ask(model, "SUBTASK one").text,
            ask(model, "SUBTASK two").text,
            ask(model, "SUBTASK three", tools=[{"name": "Bash"}]).text,
            ask(model, "title?", tools=[]).text,
            ask(model, "the system says so").text,
        ]
    assert texts == ["sub", "dry", "main", "bare", "last"]


def test_a_request_without_tools_uses_no_turn_up() -> None:
    with FakeModel([{"text": "main"}]) as model:
        texts = [ask(model, tools=[]).text, ask(model).text]
        assert len(model.main_requests()) == 1
        assert len(model.requests) == 2
    assert texts == ["ok", "main"]


def test_answers_can_use_what_the_conversation_holds() -> None:
    messages = [
        {"role": "user", "content": "Working directory: /srv/app\nfix it"},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "42 tests"}],
        },
    ]
    tool = {"name": "Write", "input": {"path": "{{cwd}}/a", "n": ["{{ last_tool_result }}"]}}
    with FakeModel([{"text": "about: {{prompt}}", "tools": [tool]}]) as model:
        text, called = ask(model, messages=messages).json["content"]
    assert text["text"] == "about: Working directory: /srv/app\nfix it"
    assert called["input"] == {"path": "/srv/app/a", "n": ["42 tests"]}


def test_a_request_shows_what_was_said_and_hides_keys() -> None:
    messages = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "<system-reminder>be brief</system-reminder>"},
                {"type": "text", "text": "do the task"},
            ],
        },
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "Bash"}]},
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t1",
                    "is_error": True,
                    "content": [{"type": "text", "text": "exit 1"}],
                },
                {"type": "text", "text": "and now?"},
            ],
        },
    ]
    with FakeModel([{"text": "ok"}]) as model:
        body = {"messages": messages, "tools": TOOLS, "system": [{"type": "text", "text": "sys"}]}
        call(model, "/v1/messages", body, {"X-Api-Key": "sk-secret", "X-Session": "s1"})
    request = model.main_requests()[0]
    assert request.prompt == "do the task"
    assert request.system == "sys"
    assert request.last_user_text == "and now?"
    assert request.all_texts[1:] == ["", "and now?"]
    assert [(r.tool_use_id, r.text, r.is_error) for r in request.tool_results] == [
        ("t1", "exit 1", True)
    ]
    assert request.tool_names == ["Bash", "Edit"]
    assert request.headers["x-session"] == "s1"
    assert request.headers["x-api-key"] == "[redacted]"


def test_a_script_may_be_a_function_of_the_request() -> None:
    def script(request: ModelRequest) -> Json:
        return {"text": request.prompt.upper()}

    with FakeModel(script) as model:
        assert ask(model, "hello").text == "HELLO"


def test_an_error_in_a_script_function_reaches_the_test() -> None:
    def script(_: ModelRequest) -> Json:
        raise LookupError("no such turn")

    with pytest.raises(LookupError, match="no such turn"), FakeModel(script) as model:
        assert ask(model).status == 400


def test_a_misspelt_key_is_refused_before_anything_is_served() -> None:
    with pytest.raises(ValidationError, match="tolls"):
        FakeModel([{"tolls": []}])


def test_waiting_ends_with_the_request_even_while_its_answer_is_delayed() -> None:
    with FakeModel([{"text": "late", "delay": 60}]) as model:
        asking = threading.Thread(target=ask, args=(model, "slow"))
        asking.start()
        assert model.wait_for(1).prompt == "slow"
    asking.join(timeout=10)
    assert not asking.is_alive()


def test_waiting_for_a_request_that_never_comes_is_a_timeout() -> None:
    with FakeModel([]) as model, pytest.raises(TimeoutError, match="0 of 1"):
        model.wait_for(1, deadline_s=0)


def test_a_client_is_sent_here_with_its_own_home(tmp_path: Path) -> None:
    with FakeModel([]) as model:
        env = model.env(home=tmp_path)
        assert call(model, "/v1/messages/count_tokens", {"messages": []}).json["input_tokens"] > 0
        assert call(model, "/v2/other", {}).status == 404
        assert env["ANTHROPIC_BASE_URL"] == model.url
    assert env["HOME"] == str(tmp_path)
    assert "HOME" not in model.env()
