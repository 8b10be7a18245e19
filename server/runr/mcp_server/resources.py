"""What a client can read: resources with a fixed address, and templates of addresses."""

import base64
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp.types import (
    INVALID_PARAMS,
    BlobResourceContents,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    ResourceTemplate,
    TextResourceContents,
)
from mcp.types import Resource as ResourceListing

from runr.errors import RunrError

#: Values of an argument that begin like a text.
Complete = Callable[[str], Awaitable[Sequence[str]]]
_NAME = re.compile(r"\\\{(\\\+)?(\w+)\\\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Something to read; with `{name}` in its address it is a template.

    `{+name}` takes slashes too. `read` gets the values of the names, decoded; RunrError says
    that there is nothing. `complete` has what completes them.
    """

    uri: str
    name: str
    title: str
    description: str
    mime_type: str
    read: Callable[[Mapping[str, str]], Awaitable[str | bytes]]
    complete: Mapping[str, Complete] = field(default_factory=dict)

    @property
    def is_template(self) -> bool:
        """Tell whether its address has names in it."""
        return "{" in self.uri

    def match(self, uri: str) -> dict[str, str] | None:
        """Return the values of the names in an address; None where it is another."""
        pattern = _NAME.sub(
            lambda found: f"(?P<{found[2]}>{'.+' if found[1] else '[^/?#]+'})", re.escape(self.uri)
        )
        found = re.fullmatch(pattern, uri)
        return (
            {name: unquote(value) for name, value in found.groupdict().items()} if found else None
        )


class ResourceRegistry:
    """Answers the requests about resources."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self.resources = resources

    async def list(
        self, _: ServerRequestContext[Any], params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        """Return the resources with a fixed address."""
        refuse_cursor(params, "resources/list")
        return ListResourcesResult(
            resources=[
                ResourceListing(
                    uri=each.uri,
                    name=each.name,
                    title=each.title,
                    description=each.description,
                    mime_type=each.mime_type,
                )
                for each in self.resources
                if not each.is_template
            ]
        )

    async def list_templates(
        self, _: ServerRequestContext[Any], params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        """Return the templates."""
        refuse_cursor(params, "resources/templates/list")
        return ListResourceTemplatesResult(
            resource_templates=[
                ResourceTemplate(
                    uri_template=each.uri,
                    name=each.name,
                    title=each.title,
                    description=each.description,
                    mime_type=each.mime_type,
                )
                for each in self.resources
                if each.is_template
            ]
        )

    def require(self, uri: str) -> None:
        """Raise MCPError for an address that no resource can have."""
        if all(each.match(uri) is None for each in self.resources):
            raise _missing(uri)

    async def read(
        self, _: ServerRequestContext[Any], params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        """Return what is at an address."""
        uri = str(params.uri)
        for each in self.resources:
            values = each.match(uri)
            if values is not None:
                return ReadResourceResult(contents=[await _contents(each, uri, values)])
        raise _missing(uri)


async def _contents(
    found: Resource, uri: str, values: Mapping[str, str]
) -> TextResourceContents | BlobResourceContents:
    try:
        content = await found.read(values)
    except RunrError as error:
        raise _missing(uri, error.message) from None
    if isinstance(content, str):
        return TextResourceContents(uri=uri, mime_type=found.mime_type, text=content)
    blob = base64.b64encode(content).decode()
    return BlobResourceContents(uri=uri, mime_type=found.mime_type, blob=blob)


def refuse_cursor(params: PaginatedRequestParams | None, method: str) -> None:
    """Refuse a page of a list that has only one."""
    if params is not None and params.cursor is not None:
        raise MCPError(INVALID_PARAMS, f"Unknown cursor: {method} has one page")


def _missing(uri: str, why: str = "") -> MCPError:
    reason = f": {why}" if why else ""
    return MCPError(INVALID_PARAMS, f"Resource not found: {uri}{reason}", {"uri": uri})
