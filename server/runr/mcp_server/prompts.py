"""Prompts that a user picks in their client, and the completion of arguments."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    PaginatedRequestParams,
    PromptArgument,
    PromptMessage,
    PromptReference,
)
from mcp.types import Prompt as PromptListing

from runr.errors import RunrError
from runr.mcp_server.elicitation import InputNeededError
from runr.mcp_server.resources import Complete, Resource, refuse_cursor

#: The protocol allows no more values in a completion.
_VALUES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """An argument of a prompt, and what completes it."""

    name: str
    description: str
    complete: Complete | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptCall:
    """A prompt that is asked for; `request` is for one that has to ask its user."""

    arguments: Mapping[str, str]
    context: ServerRequestContext[Any]
    request: GetPromptRequestParams


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A text for the model that a user can choose; all of its arguments are needed."""

    name: str
    title: str
    description: str
    messages: Callable[[PromptCall], Awaitable[Sequence[PromptMessage]]]
    arguments: Sequence[Argument] = ()


class PromptRegistry:
    """Answers the requests about prompts, and those for a completion."""

    def __init__(self, prompts: Sequence[Prompt], resources: Sequence[Resource] = ()) -> None:
        self._prompts = {prompt.name: prompt for prompt in prompts}
        self._resources = {resource.uri: resource for resource in resources}

    async def list(
        self, _: ServerRequestContext[Any], params: PaginatedRequestParams | None
    ) -> ListPromptsResult:
        """Return every prompt."""
        refuse_cursor(params, "prompts/list")
        return ListPromptsResult(prompts=list(map(_listing, self._prompts.values())))

    async def get(
        self, context: ServerRequestContext[Any], params: GetPromptRequestParams
    ) -> GetPromptResult | InputRequiredResult:
        """Return the text for the model."""
        prompt = self._find(params.name)
        arguments = params.arguments or {}
        for needed in prompt.arguments:
            if not arguments.get(needed.name):
                raise MCPError(INVALID_PARAMS, f"{prompt.name} needs the argument {needed.name}")
        call = PromptCall(arguments=arguments, context=context, request=params)
        try:
            messages = await prompt.messages(call)
        except InputNeededError as question:
            return question.result
        except RunrError as error:
            raise MCPError(INVALID_PARAMS, error.message) from None
        return GetPromptResult(description=prompt.description, messages=list(messages))

    async def complete(
        self, _: ServerRequestContext[Any], params: CompleteRequestParams
    ) -> CompleteResult:
        """Return values of an argument; none where nothing is known about it."""
        begin = params.argument.value
        complete = self._completion(params)
        try:
            values = list(await complete(begin)) if complete else []
        except RunrError:
            values = []
        return CompleteResult(
            completion=Completion(
                values=values[:_VALUES], total=len(values), has_more=len(values) > _VALUES
            )
        )

    def _completion(self, params: CompleteRequestParams) -> Complete | None:
        name = params.argument.name
        if isinstance(params.ref, PromptReference):
            arguments = self._find(params.ref.name).arguments
            return next((each.complete for each in arguments if each.name == name), None)
        resource = self._resources.get(params.ref.uri)
        if resource is None:
            raise MCPError(INVALID_PARAMS, f"Unknown resource template: {params.ref.uri}")
        return resource.complete.get(name)

    def _find(self, name: str) -> Prompt:
        if name not in self._prompts:
            raise MCPError(INVALID_PARAMS, f"Unknown prompt: {name}")
        return self._prompts[name]


def _listing(prompt: Prompt) -> PromptListing:
    return PromptListing(
        name=prompt.name,
        title=prompt.title,
        description=prompt.description,
        arguments=[
            PromptArgument(name=each.name, description=each.description, required=True)
            for each in prompt.arguments
        ],
    )
