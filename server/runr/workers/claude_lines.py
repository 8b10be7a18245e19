"""The lines of Claude Code's stream-json that matter, as far as they matter."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A piece of a line; the many keys that we have no use for pass by."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Usage(Part):
    """Tokens; each may be absent."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None


class Said(Part):
    """One block of a message."""

    type: str
    text: str = ""


class Message(Part):
    """What the model said, or a part of it; parts share their id."""

    id: str = ""
    content: tuple[Said, ...] = ()
    usage: Usage = Usage()


class Assistant(Part):
    """A line of the model's; `error` is the kind of an API failure."""

    message: Message
    error: str | None = None


class Denial(Part):
    """A tool that was not allowed."""

    tool_name: str = ""
    tool_use_id: str = ""
    tool_input: Mapping[str, Any] = Field(default_factory=dict)


class Retry(Part):
    """An API call that is tried again."""

    error_status: int | None = None
    error: str | None = None


class Result(Part):
    """The end of a turn; `total_cost_usd` counts from the start of the session."""

    subtype: str = ""
    is_error: bool = False
    result: str | None = None
    errors: tuple[str, ...] = ()
    total_cost_usd: float | None = None
    num_turns: int = 0
    usage: Usage = Usage()
    api_error_status: int | None = None
    permission_denials: tuple[Denial, ...] = ()
