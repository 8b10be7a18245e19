"""The tools that the server offers, and how a call of one is answered."""

import json
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp.types import Tool as ToolListing
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from runr.errors import RunrError
from runr.mcp_server import schema
from runr.mcp_server.elicitation import Ask, InputNeededError, asker, no_answer
from runr.mcp_server.long_tasks import LongTasks, is_declared
from runr.mcp_server.schema import explain_validation_error
from runr.next_steps.step import MCP, UserStep
from runr.query.encoding import to_sparse
from runr.text import closest_match, encodable


class Arguments(BaseModel):
    """What a tool is called with; an argument that it does not know is an error.

    Some models fill in every argument: an empty text is as good as none where none is needed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        needless = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {
            name: value
            for name, value in given.items()
            if value not in ("", None) or name not in needless
        }


A = TypeVar("A", bound=Arguments)
_CALL_ID = "claudecode/toolUseId"
#: Claude Code has the tools from the first turn on, however the server was installed.
_LISTING_META = {"anthropic/alwaysLoad": True}
# How much is done, of how much, and in words.
Progress = Callable[[float, float | None, str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[A]):
    """One call of a tool; progress is dropped where the caller did not ask for it.

    `id` is how Claude Code names it, to its hooks too; other clients give none. `client` is
    the name that the client gave itself in the handshake, `version` its version. `ask` puts a
    question to the client's user. `follows_tasks` tells that it takes a `Begun` for an answer;
    `request` is for what else a tool needs.
    """

    arguments: A
    progress: Progress
    id: str = ""
    client: str = ""
    version: str = ""
    ask: Ask = no_answer
    follows_tasks: bool = False
    request: CallToolRequestParams | None = None


class Begun(NamedTuple):
    """The answer of a call that goes on by itself, as the task with this id."""

    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Generic[A]):
    """What a client can call; `description` is written for the model that chooses.

    `answers` are what it can answer with, `tasks` those that its calls begin.
    """

    name: str
    description: str
    arguments: type[A]
    answers: tuple[type[Any], ...]
    annotations: ToolAnnotations
    call: Callable[[Call[A]], Awaitable[object]]
    tasks: LongTasks | None = None

    def listing(self) -> ToolListing:
        """Return the tool as clients list it.

        Without a schema of its answers: a whole one would cost more than all else, and typed
        clients drop the fields that a shorter one leaves out.
        """
        return ToolListing(
            name=self.name,
            description=self.description,
            input_schema=schema.accepted(self.arguments),
            annotations=self.annotations,
            _meta=_LISTING_META,
        )


# Tells clients that a tool has changed something.
Changed = Callable[[], Awaitable[None]]


async def nothing_to_tell() -> None:
    """Notify no client."""


class Registry:
    """Answers `tools/list` and `tools/call`."""

    def __init__(self, tools: Sequence[Tool[Any]], changed: Changed = nothing_to_tell) -> None:
        self._changed = changed
        self._tools: Mapping[str, Tool[Any]] = {tool.name: tool for tool in tools}
        self._listings = {tool.name: tool.listing() for tool in tools}

    async def list(
        self, _: ServerRequestContext[Any], params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        """Return every tool: they fit one page."""
        if params is not None and params.cursor is not None:
            raise MCPError(INVALID_PARAMS, "Unknown cursor: tools/list has one page")
        return ListToolsResult(tools=list(self._listings.values()))

    def input_schema(self, name: str) -> Mapping[str, Any] | None:
        """Return what a tool accepts, for headers that repeat an argument."""
        return self._listings[name].input_schema if name in self._listings else None

    async def call(
        self, context: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult | dict[str, Any]:
        """Call the tool; what the model can fix is an answer, not a protocol error."""
        tool = self._find(params.name)
        try:
            arguments = tool.arguments.model_validate(params.arguments or {})
        except ValidationError as error:
            accepted = self._listings[tool.name].input_schema
            return _failure(explain_validation_error(tool.name, accepted, error))
        call_id = str((params.meta or {}).get(_CALL_ID, ""))
        made = context.session.client_params
        call = Call(
            arguments=arguments,
            progress=context.session.report_progress,
            id=call_id,
            client=made.client_info.name if made else "",
            version=made.client_info.version if made else "",
            ask=asker(context, params),
            follows_tasks=is_declared(context),
            request=params,
        )
        try:
            answer = await tool.call(call)
            if not tool.annotations.read_only_hint:
                await self._changed()
            return await _result(tool, answer)
        except MCPError:
            raise
        except InputNeededError as question:
            return question.result
        except RunrError as error:
            return _failure(_advice(error))
        except Exception:  # noqa: BLE001 - a crash must not take the other calls with it
            traceback.print_exc(file=sys.stderr)
            return _failure(
                f"{tool.name} failed inside runr; nothing is known about its effect. "
                "The server's log has the details."
            )

    def _find(self, name: str) -> Tool[Any]:
        if name in self._tools:
            return self._tools[name]
        near = closest_match(name, self._tools)
        hint = f"; did you mean {near}?" if near else ""
        raise MCPError(INVALID_PARAMS, f"Unknown tool: {name}{hint}")


async def _result(tool: Tool[Any], answer: object) -> CallToolResult | dict[str, Any]:
    """Return an answer as the protocol has it: some tools make the whole result themselves."""
    if isinstance(answer, Begun) and tool.tasks and (begun := await tool.tasks.get(answer.task_id)):
        return begun.created()
    return answer if isinstance(answer, CallToolResult) else _success(answer)


def answered(answer: object) -> dict[str, Any]:
    """Return the answer of a call as it is written in the state of a task."""
    return _success(answer).model_dump(mode="json", by_alias=True, exclude_none=True)


def _success(answer: object) -> CallToolResult:
    content = to_sparse(answer)
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=content)


def _failure(text: str) -> CallToolResult:
    content = TextContent(type="text", text=encodable(text))
    return CallToolResult(content=[content], is_error=True)


def _advice(error: RunrError) -> str:
    steps = MCP.lines(error.next_steps)
    lines = (str(step) if isinstance(step, UserStep) else f"Next: {step}" for step in steps)
    return "\n".join([error.message, *lines])
