"""The server as clients meet it: its identity, and what it offers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp.server import CacheHint, Server
from mcp.server.caching import CacheableMethod
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.types import CallToolRequestParams, GetPromptRequestParams

from runr.mcp_server import identity
from runr.mcp_server.long_tasks import TaskMethods
from runr.mcp_server.project_calls import ProjectCalls
from runr.mcp_server.project_resources import STATUS, ProjectResources
from runr.mcp_server.prompts import Prompt, PromptRegistry
from runr.mcp_server.registry import Registry, Tool
from runr.mcp_server.resources import Resource, ResourceRegistry
from runr.mcp_server.subscriptions import Subscriptions
from runr.mcp_server.tools import build_registry
from runr.next_steps.step import MCP
from runr.project import Project, ProjectCache

_HINT = CacheHint(ttl_ms=3_600_000, scope="public")
#: What is the same for as long as the process lives.
_CACHED: dict[CacheableMethod, CacheHint] = {
    "tools/list": _HINT,
    "prompts/list": _HINT,
    "resources/list": _HINT,
    "resources/templates/list": _HINT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a server has for its clients; `status` is the address of what each call may change."""

    tools: Sequence[Tool[Any]]
    resources: Sequence[Resource] = ()
    prompts: Sequence[Prompt] = ()
    status: str = STATUS


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

    return assemble(offered(ProjectCalls(opener)))


def offered(project_calls: ProjectCalls) -> Offer:
    """Return what the server of a repository has for its clients."""
    readable = ProjectResources(project_calls)
    return Offer(
        tools=build_registry(project_calls),
        resources=readable.resources(),
        prompts=readable.prompts(),
    )


def assemble(offer: Offer) -> Server[Any]:
    """Return a server for clients of either generation."""
    resources = ResourceRegistry(offer.resources)
    subscriptions = Subscriptions(resources.require)
    tools = Registry(offer.tools, lambda: subscriptions.updated(offer.status))
    prompts = PromptRegistry(offer.prompts, offer.resources)
    server = Server[Any](
        identity.NAME,
        title=identity.TITLE,
        version=identity.VERSION,
        instructions=identity.INSTRUCTIONS,
        cache_hints=_CACHED,
        get_tool_input_schema=tools.input_schema,
        on_list_tools=tools.list,
        on_list_resources=resources.list,
        on_list_resource_templates=resources.list_templates,
        on_read_resource=resources.read,
        on_subscribe_resource=subscriptions.subscribe,
        on_unsubscribe_resource=subscriptions.unsubscribe,
        on_subscriptions_listen=subscriptions.listen,
        on_list_prompts=prompts.list,
        on_completion=prompts.complete,
    )
    # These may answer with what the SDK's types do not name.
    server.add_request_handler("tools/call", CallToolRequestParams, tools.call)
    server.add_request_handler("prompts/get", GetPromptRequestParams, prompts.get)
    TaskMethods([tool.tasks for tool in offer.tools if tool.tasks]).register(server)
    # What a client sends back with the user's answer is what this process has asked.
    seal = RequestStateSecurity.ephemeral()
    server.middleware.append(RequestStateBoundary(seal, default_audience=identity.NAME))
    return server
