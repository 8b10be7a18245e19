"""The server as clients meet it: its identity and its tools."""

from collections.abc import Sequence
from typing import Any

from mcp.server import CacheHint, Server

from runr.mcpserver import identity
from runr.mcpserver.registry import Registry, Tool

_LIST_TTL_MS = 3_600_000


def assemble(tools: Sequence[Tool[Any]]) -> Server[Any]:
    """Return a server, for clients of either generation, that offers `tools`."""
    registry = Registry(tools)
    return Server(
        identity.NAME,
        title=identity.TITLE,
        version=identity.VERSION,
        instructions=identity.INSTRUCTIONS,
        # The tools are the same for as long as the process lives.
        cache_hints={"tools/list": CacheHint(ttl_ms=_LIST_TTL_MS, scope="public")},
        on_list_tools=registry.list,
        on_call_tool=registry.call,
    )
