"""Requests to the scripted model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_REMINDER = "<system-reminder>"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool answered, as the client passed it on."""

    tool_use_id: str
    text: str
    is_error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One HTTP request as it arrived; header names are lower case, keys are redacted."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Json

    @property
    def is_agent_loop(self) -> bool:
        """Whether this is a Messages call that offers tools."""
        return self.method == "POST" and self.path == "/v1/messages" and bool(self.tool_names)

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def system(self) -> str:
        return "\n".join(_texts(self.body.get("system")))

    @property
    def tool_names(self) -> list[str]:
        tools = self.body.get("tools") or []
        return [str(tool.get("name", "")) for tool in tools if isinstance(tool, dict)]

    @property
    def messages(self) -> list[Json]:
        messages = self.body.get("messages")
        return [m for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []

    @property
    def all_texts(self) -> list[str]:
        """The text of every message, whoever sent it, oldest first."""
        return ["\n".join(_texts(message.get("content"))) for message in self.messages]

    @property
    def user_text(self) -> str:
        return "\n".join(self._user_texts())

    @property
    def last_user_text(self) -> str:
        return (self._user_texts() or [""])[-1]

    @property
    def prompt(self) -> str:
        """The first user message without the reminders that a client adds."""
        for message in self.messages:
            if message.get("role") == "user":
                said = _texts(message.get("content"))
                return "\n".join(t for t in said if not t.lstrip().startswith(_REMINDER)).strip()
        return ""

    @property
    def tool_results(self) -> list[ToolResult]:
        """Every tool's answer in the conversation, oldest first."""
        return [
            ToolResult(
                tool_use_id=str(block.get("tool_use_id", "")),
                text="\n".join(_texts(block.get("content"))),
                is_error=bool(block.get("is_error")),
            )
            for message in self.messages
            for block in _blocks(message.get("content"))
            if block.get("type") == "tool_result"
        ]

    def _user_texts(self) -> list[str]:
        return [
            text
            for message, text in zip(self.messages, self.all_texts, strict=True)
            if message.get("role") == "user"
        ]


def _blocks(content: object) -> Iterator[Json]:
    if isinstance(content, list):
        yield from (block for block in content if isinstance(block, dict))


def _texts(content: object) -> list[str]:
    """Return the text blocks of a message, a system prompt or a tool result."""
    if isinstance(content, str):
        return [content]
    return [str(block.get("text", "")) for block in _blocks(content) if block.get("type") == "text"]
