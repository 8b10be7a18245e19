"""The forms in which the clients of other models ask for a turn and are answered: no effects.

Each function of a dialect reads the body of a request, or returns the events of an answer.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Json = dict[str, Any]

_TOKENS = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}


class Offered(NamedTuple):
    """A tool as the client offers it to its model."""

    name: str
    group: str | None = None


class Event(NamedTuple):
    """One event of a streamed answer."""

    data: Json
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one model API is asked and answers."""

    path: str
    offered: Callable[[Json], list[Offered]]
    results: Callable[[Json], list[str]]
    say: Callable[[str], Iterable[Event]]
    call: Callable[[Offered, Mapping[str, Any], int], Iterable[Event]]


def _responses_offered(body: Json) -> list[Offered]:
    found = []
    for tool in body.get("tools", []):
        if tool.get("type") == "namespace":
            found += [Offered(each["name"], tool["name"]) for each in tool["tools"]]
        elif tool.get("type") == "function":
            found.append(Offered(tool["name"]))
    return found


def _responses_results(body: Json) -> list[str]:
    items = [item for item in body["input"] if item.get("type") == "function_call_output"]
    return [_text(item["output"]) for item in items]


def _responses_say(text: str) -> list[Event]:
    content = [{"type": "output_text", "text": text}]
    return _response({"type": "message", "id": "msg_1", "role": "assistant", "content": content})


def _responses_call(tool: Offered, arguments: Mapping[str, Any], number: int) -> list[Event]:
    item = {
        "type": "function_call",
        "id": f"fc_{number}",
        "call_id": f"call_{number}",
        "name": tool.name,
        "arguments": json.dumps(arguments),
    }
    return _response(item | ({"namespace": tool.group} if tool.group else {}))


def _response(item: Json) -> list[Event]:
    done = {"id": "resp_1", "usage": _TOKENS}
    events: list[Json] = [
        {"type": "response.created", "response": {"id": "resp_1"}},
        {"type": "response.output_item.done", "item": item},
        {"type": "response.completed", "response": done},
    ]
    return [Event(event, event["type"]) for event in events]


def _gemini_offered(body: Json) -> list[Offered]:
    return [
        Offered(tool["name"])
        for group in body.get("tools", [])
        for tool in group.get("functionDeclarations", [])
    ]


def _gemini_results(body: Json) -> list[str]:
    parts = [part for content in body["contents"] for part in content["parts"]]
    return [
        _text(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part
    ]


def _gemini_say(text: str) -> list[Event]:
    return _candidate({"text": text})


def _gemini_call(tool: Offered, arguments: Mapping[str, Any], number: int) -> list[Event]:
    return _candidate(
        {"functionCall": {"id": f"call_{number}", "name": tool.name, "args": dict(arguments)}}
    )


def _candidate(part: Json) -> list[Event]:
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    tokens = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
    return [Event({"candidates": [candidate], "usageMetadata": tokens})]


def _chat_offered(body: Json) -> list[Offered]:
    return [Offered(tool["function"]["name"]) for tool in body.get("tools", [])]


def _chat_results(body: Json) -> list[str]:
    messages = [message for message in body["messages"] if message["role"] == "tool"]
    return [_text(message["content"]) for message in messages]


def _chat_say(text: str) -> list[Event]:
    return _chunks({"role": "assistant", "content": text}, "stop")


def _chat_call(tool: Offered, arguments: Mapping[str, Any], number: int) -> list[Event]:
    function = {"name": tool.name, "arguments": json.dumps(arguments)}
    call = {"index": 0, "id": f"call_{number}", "type": "function", "function": function}
    return _chunks({"role": "assistant", "tool_calls": [call]}, "tool_calls")


def _chunks(delta: Json, reason: str) -> list[Event]:
    tokens = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    head = {"id": "chat_1", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
    return [
        Event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}),
        Event({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}),
        Event({**head, "choices": [], "usage": tokens}),
    ]


def _text(value: object) -> str:
    """Return a result as the model sees it: text, or JSON around it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


#: OpenAI's Responses, as Codex asks.
RESPONSES = Dialect(
    path="/responses",
    offered=_responses_offered,
    results=_responses_results,
    say=_responses_say,
    call=_responses_call,
)
#: Gemini's generateContent.
GEMINI = Dialect(
    path=":streamGenerateContent",
    offered=_gemini_offered,
    results=_gemini_results,
    say=_gemini_say,
    call=_gemini_call,
)
#: OpenAI's chat completions, which many providers copy.
CHAT = Dialect(
    path="/chat/completions",
    offered=_chat_offered,
    results=_chat_results,
    say=_chat_say,
    call=_chat_call,
)
