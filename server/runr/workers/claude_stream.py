"""What Claude Code's stream-json lines add up to: a fold, one line at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from runr.workers.claude_lines import Assistant, Denial, Result, Retry, Usage

_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens in, with those written to and read from the cache, and tokens out."""

    input: int = 0
    output: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(input=self.input + other.input, output=self.output + other.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The stream so far.

    `begun` holds from the first sign of work: without one, a session that was
    to go on was not found. `at_rest` holds from a result until the next sign of
    work. `retry_status` belongs to `retrying`, as far as it is one. `cost_usd` is
    what the last result said, for it counts from the start. `unsettled` are
    the messages that no result has counted yet; their numbers are partial.
    """

    session_id: str | None = None
    begun: bool = False
    results: int = 0
    at_rest: bool = False
    subtype: str = ""
    is_error: bool = False
    error_status: int | None = None
    error_kind: str | None = None
    retrying: str | None = None
    retry_status: int | None = None
    words: str = ""
    cost_usd: float | None = None
    settled: Tokens = Tokens()
    unsettled: Mapping[str, Tokens] = field(default_factory=dict)
    turns: int = 0
    denials: Mapping[str, str] = field(default_factory=dict)

    @property
    def tokens(self) -> Tokens:
        """All tokens that are known of."""
        return sum(self.unsettled.values(), self.settled)


def fold(heard: Heard, line: Mapping[str, Any]) -> Heard:
    """Return what is known after one more line; one of another shape changes nothing."""
    kind = str(line.get("type"))
    session = line.get("session_id")
    if heard.session_id is None and isinstance(session, str):
        heard = replace(heard, session_id=session)
    try:
        match kind, line.get("subtype"):
            case "assistant", _:
                return _assistant(heard, Assistant.model_validate(line))
            case "result", _:
                return _result(heard, Result.model_validate(line))
            case ("user", _) | ("system", "init"):
                return replace(heard, begun=True, at_rest=False, retrying=None, retry_status=None)
            case "system", "api_retry":
                return _retry(heard, Retry.model_validate(line))
            case "system", "permission_denied":
                return _denied(heard, Denial.model_validate(line))
            case _:
                return heard
    except ValidationError:
        return heard


def _retry(heard: Heard, line: Retry) -> Heard:
    told = " ".join(str(part) for part in (line.error_status, line.error) if part)
    return replace(heard, retrying=told or "an error", retry_status=line.error_status)


def _assistant(heard: Heard, line: Assistant) -> Heard:
    message = line.message
    text = "\n".join(said.text for said in message.content if said.type == "text").strip()
    return replace(
        heard,
        begun=True,
        at_rest=False,
        retrying=None,
        retry_status=None,
        error_kind=line.error,
        words=text or heard.words,
        unsettled={**heard.unsettled, message.id: _tokens(message.usage)},
    )


def _result(heard: Heard, line: Result) -> Heard:
    for denial in line.permission_denials:
        heard = _denied(heard, denial)
    return replace(
        heard,
        results=heard.results + 1,
        at_rest=True,
        retrying=None,
        retry_status=None,
        subtype=line.subtype,
        is_error=line.is_error,
        error_status=line.api_error_status,
        words=line.result or "; ".join(line.errors) or heard.words,
        cost_usd=heard.cost_usd if line.total_cost_usd is None else line.total_cost_usd,
        settled=heard.settled + _tokens(line.usage),
        unsettled={},
        turns=heard.turns + line.num_turns,
    )


def _denied(heard: Heard, denial: Denial) -> Heard:
    wanted = next((str(value) for value in denial.tool_input.values()), "")
    # The result knows what the notice before it did not: what the tool was to do.
    shown = f"{denial.tool_name}: {wanted}"[:_SHOWN] if wanted else denial.tool_name
    return replace(heard, denials={**heard.denials, denial.tool_use_id: shown})


def _tokens(usage: Usage) -> Tokens:
    written, read = usage.cache_creation_input_tokens, usage.cache_read_input_tokens
    total = (usage.input_tokens or 0) + (written or 0) + (read or 0)
    return Tokens(input=total, output=usage.output_tokens or 0)
