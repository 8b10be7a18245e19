"""The server as clients meet it: its identity and its tools."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mcp.server import CacheHint, Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.types import CallToolRequestParams

from runr.mcp_server import identity
from runr.mcp_server.long_tasks import TaskMethods
from runr.mcp_server.registry import Registry, Tool
from runr.mcp_server.tools import build_registry
from runr.next_steps.step import MCP
from runr.project import Project, ProjectCache

_LIST_TTL_MS = 3_600_000


def build(start: Path, environment: Mapping[str, str]) -> Server[Any]:
    """Return the server for the repository around `start`.

    It need not exist yet: each call looks for it, and says so where there is none.
    What was read for one call is kept for the next, and checked before it is used.
    """
    cache = ProjectCache()

    def opener(warn: Callable[[str], None]) -> Project:
        project = Project.open(start, environment, warn=warn, surface=MCP, cache=cache)
        problem = project.settings_problem()
        if problem is not None:
            warn(problem)
        return project

    return assemble(build_registry(opener))


def assemble(tools: Sequence[Tool[Any]]) -> Server[Any]:
    """Return a server, for clients of either generation, that offers `tools`."""
    registry = Registry(tools)
    server = Server[Any](
        identity.NAME,
        title=identity.TITLE,
        version=identity.VERSION,
        instructions=identity.INSTRUCTIONS,
        # The tools are the same for as long as the process lives.
        cache_hints={"tools/list": CacheHint(ttl_ms=_LIST_TTL_MS, scope="public")},
        on_list_tools=registry.list,
    )
    server.add_request_handler("tools/call", CallToolRequestParams, registry.call)
    TaskMethods([tool.tasks for tool in tools if tool.tasks]).register(server)
    # What a client sends back with the user's answer is what this process has asked.
    seal = RequestStateSecurity.ephemeral()
    server.middleware.append(RequestStateBoundary(seal, default_audience=identity.NAME))
    return server
