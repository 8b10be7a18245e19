"""What the scripted model does: turns, and lanes for conversations side by side."""

import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fakes.model_request import Json, ModelRequest

_CWD = re.compile(r"(?:Primary w|W)orking directory: *([^\n]+)")
_VARIABLE = re.compile(r"\{\{\s*(last_tool_result|prompt|cwd)\s*\}\}")
_SEARCHED: Sequence[Literal["model", "prompt", "user_text", "last_user_text", "system"]] = (
    "model",
    "prompt",
    "user_text",
    "last_user_text",
    "system",
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolCall(_Part):
    """A tool that the model calls."""

    name: str
    input: Json = Field(default_factory=dict)
    id: str | None = None


class Refusal(_Part):
    """An HTTP error instead of an answer."""

    status: int
    type: str | None = None
    message: str = ""
    headers: dict[str, str] = Field(default_factory=dict)


class Turn(_Part):
    """One answer of the model.

    `delay` is in seconds, before the answer starts. `cut_after` drops the
    connection after that many stream events. `repeat` plays the turn that many
    times, -1 for ever; a client's retries count. `refused` ends it as a refusal.
    Strings in `text` and `tools` may hold {{last_tool_result}}, {{prompt}} and {{cwd}}.
    """

    text: str = ""
    tools: tuple[ToolCall, ...] = ()
    error: Refusal | None = None
    refused: bool = False
    usage: dict[str, int] = Field(default_factory=dict)
    delay: float = Field(0, ge=0)
    cut_after: int | None = Field(None, ge=0)
    repeat: int = Field(1, ge=-1)


class Match(_Part):
    """Which requests a lane takes: every key given has to hold; texts are searched."""

    has_tools: bool | None = None
    tool: str | None = None
    model: str | None = None
    prompt: str | None = None
    user_text: str | None = None
    last_user_text: str | None = None
    system: str | None = None

    def holds(self, request: ModelRequest) -> bool:
        """Tell whether the request is one of these."""
        if self.has_tools is not None and bool(request.tool_names) is not self.has_tools:
            return False
        if self.tool is not None and self.tool not in request.tool_names:
            return False
        patterns = ((getattr(self, key), getattr(request, key)) for key in _SEARCHED)
        return all(pattern is None or re.search(pattern, text) for pattern, text in patterns)


class Lane(_Part):
    """The turns for those requests that match; each lane keeps its own position."""

    name: str = ""
    match: Match = Match()
    turns: tuple[Turn, ...]

    def turn(self, position: int) -> Turn | None:
        """Return what is played at `position`, None when the lane has run out."""
        for turn in self.turns:
            if turn.repeat < 0 or position < turn.repeat:
                return turn
            position -= turn.repeat
        return None


class Script(_Part):
    """Lanes by precedence, then `turns` for every other request that offers tools."""

    lanes: tuple[Lane, ...] = ()
    turns: tuple[Turn, ...] = ()
    exhausted: Turn = Turn(text="[script exhausted]")
    side: Turn = Turn(text="ok")

    def lane(self, request: ModelRequest) -> int | None:
        """Return the number of the lane that takes the request; `len(lanes)` is `turns`."""
        for number, lane in enumerate(self.lanes):
            if lane.match.holds(request):
                return number
        return len(self.lanes) if request.tool_names else None

    def turn(self, lane: int, position: int) -> Turn:
        """Return what a lane plays at `position`."""
        main = Lane(name="main", turns=self.turns)
        return (*self.lanes, main)[lane].turn(position) or self.exhausted


def expand(value: Any, request: ModelRequest) -> Any:
    """Fill the variables in, wherever a string stands."""
    if isinstance(value, dict):
        return {key: expand(item, request) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item, request) for item in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _variable(found.group(1), request), value)
    return value


def _variable(name: str, request: ModelRequest) -> str:
    if name == "prompt":
        return request.prompt
    if name == "cwd":
        found = _CWD.search("\n".join([request.system, *request.all_texts]))
        return found.group(1).strip() if found else ""
    results = request.tool_results
    return results[-1].text if results else ""
