"""What the conformance suite calls by name, registered with the classes of the server."""

import base64
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import anyio
from mcp import MCPError
from mcp.server import Server
from mcp.types import (
    INTERNAL_ERROR,
    AudioContent,
    CallToolResult,
    ContentBlock,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    PromptMessage,
    TextContent,
    TextResourceContents,
    ToolAnnotations,
)
from mcp.types import Tool as ToolListing

from runr.errors import UsageError
from runr.mcp_server.elicitation import InputNeededError
from runr.mcp_server.long_tasks import LongTask
from runr.mcp_server.prompts import Argument, Prompt, PromptCall
from runr.mcp_server.registry import Arguments, Begun, Call, Tool
from runr.mcp_server.resources import Resource
from runr.mcp_server.server import Offer, assemble

_PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg"
    "=="
)
_WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
_IMAGE = ImageContent(type="image", data=_PNG, mime_type="image/png")


class Described(Tool[Any]):
    """A tool that is listed with a schema of its own."""

    def listing(self) -> ToolListing:
        schema = _SCHEMAS.get(self.name)
        found = Tool.listing(self)
        return found.model_copy(update={"input_schema": schema}) if schema else found


_ADDRESS = {
    "type": "object",
    "$anchor": "addressDef",
    "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
}
_CONTACT = {"contactMethod": {"const": "phone"}}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "json_schema_2020_12_tool": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {"address": _ADDRESS},
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": _CONTACT, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": False,
    },
    "test_custom_headers": {
        "type": "object",
        "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
        "required": ["region"],
    },
}


class Region(Arguments):
    """An argument that is in a header, too."""

    region: str


class Nothing(Arguments):
    """No arguments."""


class Message(Arguments):
    """A text to show."""

    message: str = ""


class Name(Arguments):
    """Who is greeted."""

    name: str = "you"


class Work(Arguments):
    """How long it takes, and what it is called."""

    seconds: float = 0
    label: str = ""


class File(Arguments):
    """What is deleted."""

    filename: str = ""


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    contents = TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return EmbeddedResource(type="resource", resource=contents)


def _constant(*content: ContentBlock) -> Callable[[Call[Any]], Awaitable[CallToolResult]]:
    async def answer(_: Call[Any]) -> CallToolResult:
        return CallToolResult(content=list(content))

    return answer


async def _refuse(_: Call[Any]) -> CallToolResult:
    raise UsageError("This tool intentionally returns an error for testing")


async def _progress(call: Call[Any]) -> CallToolResult:
    for step in (0, 50, 100):
        await call.progress(step, 100, f"{step} of 100")
    return CallToolResult(content=[_text("done")])


def _form(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": []}


def _asking(schema: dict[str, Any]) -> Callable[[Call[Any]], Awaitable[CallToolResult]]:
    async def answer(call: Call[Any]) -> CallToolResult:
        message = getattr(call.arguments, "message", "") or "What is your name?"
        reply = await call.ask(message, schema, "")
        action = "accept" if reply and reply.content is not None else "decline"
        said = json.dumps(dict((reply and reply.content) or {}))
        return CallToolResult(content=[_text(f"action={action}, content={said}")])

    return answer


def _rounds(count: int) -> Callable[[Call[Any]], Awaitable[CallToolResult]]:
    """Return a tool that asks so often, the first time for the name of the user."""

    async def answer(call: Call[Any]) -> CallToolResult:
        request = call.request
        answered = int(request.request_state or 0) if request and request.input_responses else 0
        if answered == count:
            said = request.input_responses if request else None
            return CallToolResult(content=[_text(str(said))])
        key = "user_name" if not answered else "colour"
        form = ElicitRequestFormParams(message=key, requested_schema=_form(name=_STRING))
        asked = {key: ElicitRequest(params=form)}
        raise InputNeededError(
            InputRequiredResult(input_requests=asked, request_state=str(answered + 1))
        )

    return answer


_STRING = {"type": "string"}
_DEFAULTS = _form(
    name={"type": "string", "default": "John Doe"},
    age={"type": "integer", "default": 30},
    score={"type": "number", "default": 95.5},
    status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    verified={"type": "boolean", "default": True},
)
_LEVELS = [{"const": "low", "title": "Low"}, {"const": "high", "title": "High"}]
_ENUMS = _form(
    untitledSingle={"type": "string", "enum": ["active", "inactive", "pending"]},
    titledSingle={"type": "string", "oneOf": _LEVELS},
    legacyEnum={"type": "string", "enum": ["a", "b"], "enumNames": ["A", "B"]},
    untitledMulti={"type": "array", "items": {"type": "string", "enum": ["read", "write"]}},
    titledMulti={"type": "array", "items": {"anyOf": _LEVELS}},
)


class MemoryTasks:
    """Tasks that go on in this process."""

    def __init__(self) -> None:
        self._tasks: dict[str, LongTask] = {}
        self._until: dict[str, float] = {}

    def begin(self, seconds: float, **ends: Any) -> Begun:
        """Begin a task that ends so after some seconds, or once it was answered."""
        now = datetime.now(UTC).isoformat()
        task_id = secrets.token_urlsafe(18)
        ends.setdefault("status", "completed")
        self._tasks[task_id] = LongTask(id=task_id, created_at=now, updated_at=now, **ends)
        self._until[task_id] = anyio.current_time() + seconds
        return Begun(task_id)

    async def get(self, task_id: str) -> LongTask | None:
        found = self._tasks.get(task_id)
        if found and anyio.current_time() < self._until[task_id]:
            return replace(found, status="working")
        return found

    async def cancel(self, task_id: str) -> LongTask | None:
        found = await self.get(task_id)
        if found and found.status in ("working", "input_required"):
            found = self._tasks[task_id] = replace(found, status="cancelled")
            self._until[task_id] = 0
        return found

    async def update(self, task_id: str, replies: Mapping[str, Any]) -> LongTask | None:
        found = await self.get(task_id)
        if found and found.status == "input_required":
            asks = {key: value for key, value in found.asks.items() if key not in replies}
            said = json.dumps(dict(replies))
            result = {"content": [{"type": "text", "text": said}], "isError": False}
            status = found.status if asks else "completed"
            found = replace(found, asks=asks, status=status, result=result)
            self._tasks[task_id] = found
        return found


def _result(text: str, *, failed: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def _question(message: str) -> dict[str, Any]:
    schema = _form(name={"type": "string"}, confirm={"type": "boolean"})
    params = {"mode": "form", "message": message, "requestedSchema": schema}
    return {"method": "elicitation/create", "params": params}


def _tools() -> list[Tool[Any]]:
    tasks = MemoryTasks()

    def tool(
        name: str,
        call: Callable[[Call[Any]], Awaitable[object]],
        arguments: type[Arguments] = Nothing,
        *,
        is_long: bool = False,
    ) -> Tool[Any]:
        return Described(
            name=name,
            description=f"The fixture {name}.",
            arguments=arguments,
            answers=(),
            annotations=ToolAnnotations(),
            call=call,
            tasks=tasks if is_long else None,
        )

    async def greet(call: Call[Name]) -> CallToolResult:
        return CallToolResult(content=[_text(f"Hello, {call.arguments.name}!")])

    async def compute(call: Call[Work]) -> object:
        if not call.follows_tasks:
            return CallToolResult(content=[_text("computed")])
        return tasks.begin(call.arguments.seconds, result=_result(call.arguments.label or "done"))

    async def fail(call: Call[Any]) -> object:
        _needs_tasks(call)
        return tasks.begin(0.5, result=_result("failed", failed=True))

    async def break_off(call: Call[Any]) -> object:
        _needs_tasks(call)
        error = {"code": INTERNAL_ERROR, "message": "broken"}
        return tasks.begin(0.5, status="failed", error=error, message="broken")

    async def confirm(call: Call[File]) -> object:
        _needs_tasks(call)
        asks = {f"confirm-{secrets.token_hex(4)}": _question("Delete it?")}
        return tasks.begin(0, status="input_required", asks=asks)

    async def ask_twice(call: Call[Any]) -> object:
        _needs_tasks(call)
        asks = {name: _question(name) for name in ("first", "second")}
        return tasks.begin(0, status="input_required", asks=asks)

    async def ask_first(call: Call[Any]) -> object:
        _needs_tasks(call)
        reply = await call.ask("What is your name?", _form(user_name={"type": "string"}), "")
        said = dict((reply and reply.content) or {})
        return tasks.begin(0.2, result=_result(json.dumps(said)))

    mixed = _embedded("test://mixed-content-resource", "application/json", '{"test":"data"}')
    single = _embedded("test://embedded-resource", "text/plain", "An embedded resource.")
    audio = AudioContent(type="audio", data=_WAV, mime_type="audio/wav")
    ask = _asking(_form(name={"type": "string"}))
    return [
        tool("test_simple_text", _constant(_text("This is a simple text response for testing."))),
        tool("test_image_content", _constant(_IMAGE)),
        tool("test_audio_content", _constant(audio)),
        tool("test_embedded_resource", _constant(single)),
        tool("test_multiple_content_types", _constant(_text("Several:"), _IMAGE, mixed)),
        tool("test_error_handling", _refuse),
        tool("test_tool_with_progress", _progress),
        tool("test_elicitation", ask, Message),
        tool("test_elicitation_sep1034_defaults", _asking(_DEFAULTS)),
        tool("test_elicitation_sep1330_enums", _asking(_ENUMS)),
        tool("test_input_required_result_elicitation", _rounds(1)),
        tool("test_input_required_result_multi_round", _rounds(2)),
        tool("test_input_required_result_tampered_state", ask),
        tool("test_input_required_result_request_state", ask),
        tool("test_streaming_elicitation", ask),
        tool("test_input_required_result_capabilities", ask),
        tool("test_missing_capability", _need_sampling),
        tool("test_logging_tool", _constant(_text("logged nothing"))),
        tool("json_schema_2020_12_tool", _constant(_text("ok"))),
        tool("test_custom_headers", _constant(_text("ok")), Region),
        tool("greet", greet, Name),
        tool("slow_compute", compute, Work, is_long=True),
        tool("failing_job", fail, is_long=True),
        tool("protocol_error_job", break_off, is_long=True),
        tool("confirm_delete", confirm, File, is_long=True),
        tool("multi_input", ask_twice, is_long=True),
        tool("test_tool_with_task", ask_first, is_long=True),
    ]


async def _need_sampling(_: Call[Any]) -> CallToolResult:
    data: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
    raise MCPError(-32021, "It needs sampling", data)


def _needs_tasks(call: Call[Any]) -> None:
    if not call.follows_tasks:
        extension: dict[str, Any] = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
        raise MCPError(-32021, "It needs the tasks extension", {"requiredCapabilities": extension})


async def _static(_: Mapping[str, str]) -> str:
    return "This is the content of the static text resource."


async def _binary(_: Mapping[str, str]) -> bytes:
    return base64.b64decode(_PNG)


async def _templated(values: Mapping[str, str]) -> str:
    return json.dumps({"id": values["id"], "templateTest": True, "data": f"of {values['id']}"})


async def _nothing(_: str) -> list[str]:
    return []


def _resources() -> list[Resource]:
    def resource(uri: str, read: Callable[[Mapping[str, str]], Any], mime_type: str) -> Resource:
        name = uri.partition("://")[2]
        return Resource(
            uri=uri, name=name, title=name, description=name, mime_type=mime_type, read=read
        )

    return [
        resource("test://static-text", _static, "text/plain"),
        resource("test://static-binary", _binary, "image/png"),
        resource("test://watched-resource", _static, "text/plain"),
        resource("test://template/{id}/data", _templated, "application/json"),
    ]


async def _asked(call: PromptCall) -> list[PromptMessage]:
    if not call.request.input_responses:
        form = ElicitRequestFormParams(message="Which?", requested_schema=_form(context=_STRING))
        asked = {"user_context": ElicitRequest(params=form)}
        raise InputNeededError(InputRequiredResult(input_requests=asked, request_state="asked"))
    return [PromptMessage(role="user", content=_text("asked"))]


def _prompts() -> list[Prompt]:
    def prompt(name: str, *arguments: str, said: Callable[[Mapping[str, str]], Any]) -> Prompt:
        async def messages(call: PromptCall) -> list[PromptMessage]:
            content = said(call.arguments)
            return [PromptMessage(role="user", content=each) for each in content]

        return Prompt(
            name=name,
            title=name,
            description=name,
            messages=messages,
            arguments=[
                Argument(name=each, description=each, complete=_nothing) for each in arguments
            ],
        )

    return [
        prompt("test_simple_prompt", said=lambda _: [_text("A simple prompt.")]),
        prompt(
            "test_prompt_with_arguments",
            "arg1",
            "arg2",
            said=lambda given: [_text(f"arg1='{given['arg1']}', arg2='{given['arg2']}'")],
        ),
        prompt(
            "test_prompt_with_embedded_resource",
            "resourceUri",
            said=lambda given: [_embedded(given["resourceUri"], "text/plain", "Embedded.")],
        ),
        Prompt(
            name="test_input_required_result_prompt",
            title="Asks",
            description="Asks its user.",
            messages=_asked,
        ),
        prompt("test_prompt_with_image", said=lambda _: [_IMAGE, _text("Look at it.")]),
    ]


def server() -> Server[Any]:
    """Return a server with the fixtures."""
    return assemble(Offer(tools=_tools(), resources=_resources(), prompts=_prompts()))
