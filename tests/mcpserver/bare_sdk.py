"""A server that is the SDK alone: what runr has of its own is held against it."""

import sys
from typing import Any

import anyio
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)


async def list_tools(
    _: ServerRequestContext[Any], __: PaginatedRequestParams | None
) -> ListToolsResult:
    return ListToolsResult(tools=[Tool(name="echo", input_schema={"type": "object"})])


async def call_tool(_: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
    """Return the number of characters of `text`; `wait` waits and says how it ended.

    `brief` takes a second.
    """
    if params.name == "brief":
        await anyio.sleep(1)
    if params.name == "wait":
        sys.stderr.write("waiting\n")
        try:
            await anyio.sleep_forever()
        finally:
            sys.stderr.write("the call has ended\n")
    size = len((params.arguments or {}).get("text", ""))
    return CallToolResult(content=[TextContent(type="text", text=str(size))])


async def main() -> None:
    server = Server[Any]("bare", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (inbox, outbox):
        await server.run(inbox, outbox, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(main)
