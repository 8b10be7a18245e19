"""The Messages API's answers, whole and as server-sent events."""

import json
import uuid
from collections.abc import Iterator

from fakes.model_request import Json, ModelRequest
from fakes.model_script import Refusal, Turn, expand

_USAGE = {
    "input_tokens": 100,
    "output_tokens": 20,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
}
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def message(turn: Turn, request: ModelRequest) -> Json:
    """Return the answer that a turn stands for."""
    blocks: list[Json] = []
    if turn.text:
        blocks.append({"type": "text", "text": expand(turn.text, request)})
    blocks.extend(
        {
            "type": "tool_use",
            "id": tool.id or f"toolu_{uuid.uuid4().hex[:24]}",
            "name": tool.name,
            "input": expand(tool.input, request),
        }
        for tool in turn.tools
    )
    return {
        "id": f"msg_{uuid.uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": blocks,
        "stop_reason": _stop_reason(turn),
        "stop_sequence": None,
        "usage": {**_USAGE, **turn.usage},
    }


def _stop_reason(turn: Turn) -> str:
    if turn.refused:
        return "refusal"
    return "tool_use" if turn.tools else "end_turn"


def error(refusal: Refusal) -> Json:
    """Return the body of an HTTP error."""
    kind = refusal.type or _ERROR_TYPES.get(refusal.status, "api_error")
    words = refusal.message or f"scripted {refusal.status}"
    return {"type": "error", "error": {"type": kind, "message": words}}


def events(answer: Json) -> Iterator[bytes]:
    """Yield the answer as the stream's events, ready to be sent."""
    opening_usage = {**answer["usage"], "output_tokens": 1}
    opening = {**answer, "content": [], "stop_reason": None, "usage": opening_usage}
    yield _event("message_start", message=opening)
    for index, block in enumerate(answer["content"]):
        empty, delta = _opened(block)
        yield _event("content_block_start", index=index, content_block=empty)
        yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    ending = {"stop_reason": answer["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=ending, usage=answer["usage"])
    yield _event("message_stop")


def _opened(block: Json) -> tuple[Json, Json]:
    """Split a block into its empty beginning and the delta that fills it."""
    if block["type"] == "text":
        return {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
    filled = json.dumps(block["input"])
    return {**block, "input": {}}, {"type": "input_json_delta", "partial_json": filled}


def _event(name: str, **payload: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **payload})}\n\n".encode()
