"""Read the stream-json lines of Claude Code: a fold, one line at a time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runr.workers.process import Ended
from runr.workers.program import limit_outcome
from runr.workers.protocol import Assignment
from runr.workers.usage_limit import IS_USAGE_LIMIT


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
    retry_delay_ms: float | None = None


class RateLimit(Part):
    """What is left of a limit of the account; `resets_at` in seconds since 1970."""

    status: str = ""
    resets_at: int | None = Field(None, alias="resetsAt")


class RateLimitNotice(Part):
    """The line about a limit."""

    rate_limit_info: RateLimit


class Result(Part):
    """The end of a turn; `total_cost_usd` counts from the start of the session."""

    subtype: str = ""
    is_error: bool = False
    terminal_reason: str | None = None
    stop_reason: str | None = None
    result: str | None = None
    errors: tuple[str, ...] = ()
    total_cost_usd: float | None = None
    num_turns: int = 0
    usage: Usage = Usage()
    api_error_status: int | None = None
    permission_denials: tuple[Denial, ...] = ()


_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens in, with those written to and read from the cache, and tokens out."""

    input: int = 0
    output: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(input=self.input + other.input, output=self.output + other.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaudeStream:
    """The state after the lines so far.

    `begun` is true from the first sign of work; without one, the session to resume
    was not found. `at_rest` is true from a result until the next sign of work.
    `limit` is a limit of the account that is used up.
    `retry_status` is the HTTP status of `retrying`, and `retry_after_s` how long the client
    was to wait then: the service may have asked for it. `ending` is why the session ended,
    where neither a status nor a kind says it. `cost_usd` is that of the last
    result, which counts from the start. `unsettled` are the tokens of messages that
    no result has counted yet; they are partial.
    """

    session_id: str | None = None
    begun: bool = False
    results: int = 0
    at_rest: bool = False
    limit: RateLimit | None = None
    subtype: str = ""
    is_error: bool = False
    error_status: int | None = None
    error_kind: str | None = None
    retrying: str | None = None
    retry_status: int | None = None
    retry_after_s: float | None = None
    ending: str = ""
    words: str = ""
    cost_usd: float | None = None
    settled: Tokens = Tokens()
    unsettled: Mapping[str, Tokens] = field(default_factory=dict)
    turns: int = 0
    denials: Mapping[str, str] = field(default_factory=dict)

    @property
    def tokens(self) -> Tokens:
        """The tokens of all messages."""
        return sum(self.unsettled.values(), self.settled)


def fold_lines(stream: ClaudeStream, line: Mapping[str, Any]) -> ClaudeStream:
    """Return what is known after one more line; one of another shape changes nothing."""
    kind = str(line.get("type"))
    session = line.get("session_id")
    if stream.session_id is None and isinstance(session, str):
        stream = replace(stream, session_id=session)
    try:
        match kind, line.get("subtype"):
            case "assistant", _:
                return _assistant(stream, Assistant.model_validate(line))
            case "result", _:
                return _result(stream, Result.model_validate(line))
            case ("user", _) | ("system", "init"):
                return replace(stream, begun=True, at_rest=False, retrying=None, retry_status=None)
            case "system", "api_retry":
                return _retry(stream, Retry.model_validate(line))
            case "rate_limit_event", _:
                info = RateLimitNotice.model_validate(line).rate_limit_info
                return replace(stream, limit=info if info.status == "rejected" else None)
            case "system", "permission_denied":
                return _denied(stream, Denial.model_validate(line))
            case _:
                return stream
    except ValidationError:
        return stream


def _retry(stream: ClaudeStream, line: Retry) -> ClaudeStream:
    summary = " ".join(str(part) for part in (line.error_status, line.error) if part)
    delay = line.retry_delay_ms / 1000 if line.retry_delay_ms is not None else None
    return replace(
        stream,
        retrying=summary or "an error",
        retry_status=line.error_status,
        retry_after_s=delay,
    )


def _assistant(stream: ClaudeStream, line: Assistant) -> ClaudeStream:
    message = line.message
    text = "\n".join(said.text for said in message.content if said.type == "text").strip()
    return replace(
        stream,
        begun=True,
        at_rest=False,
        retrying=None,
        retry_status=None,
        retry_after_s=stream.retry_after_s if line.error else None,
        error_kind=line.error,
        words=text or stream.words,
        unsettled={**stream.unsettled, message.id: _tokens(message.usage)},
    )


def _result(stream: ClaudeStream, line: Result) -> ClaudeStream:
    for denial in line.permission_denials:
        stream = _denied(stream, denial)
    return replace(
        stream,
        results=stream.results + 1,
        at_rest=True,
        retrying=None,
        retry_status=None,
        subtype=line.subtype,
        is_error=line.is_error,
        error_status=line.api_error_status,
        ending=_ENDINGS.get(line.terminal_reason or "") or _ENDINGS.get(line.stop_reason or "", ""),
        words=line.result or "; ".join(line.errors) or stream.words,
        cost_usd=stream.cost_usd if line.total_cost_usd is None else line.total_cost_usd,
        settled=stream.settled + _tokens(line.usage),
        unsettled={},
        turns=stream.turns + line.num_turns,
    )


#: What ended a session, in its last line, for which the status says too little.
_ENDINGS = {"prompt_too_long": "context_overflow", "refusal": "model_refusal"}


def _denied(stream: ClaudeStream, denial: Denial) -> ClaudeStream:
    wanted = next((str(value) for value in denial.tool_input.values()), "")
    # The result knows what the notice before it did not: what the tool was to do.
    shown = f"{denial.tool_name}: {wanted}"[:_SHOWN] if wanted else denial.tool_name
    return replace(stream, denials={**stream.denials, denial.tool_use_id: shown})


def _tokens(usage: Usage) -> Tokens:
    written, read = usage.cache_creation_input_tokens, usage.cache_read_input_tokens
    total = (usage.input_tokens or 0) + (written or 0) + (read or 0)
    return Tokens(input=total, output=usage.output_tokens or 0)


_STOPS = {
    "error_max_budget_usd": "cost_limit",
    "error_max_turns": "turn_limit",
    "authentication_failed": "worker_auth",
    "billing_error": "worker_billing",
    "rate_limit": "worker_outage",
    "overloaded": "worker_outage",
    "server_error": "worker_outage",
    401: "worker_auth",
    403: "worker_auth",
    408: "worker_outage",
    413: "context_overflow",
    429: "worker_outage",
}

# For a version that names neither kind nor status.
_WORDS = (
    (re.compile(r"prompt is too long|request too large", re.IGNORECASE), "context_overflow"),
    (re.compile(r"safeguards flagged|usage policy", re.IGNORECASE), "model_refusal"),
    (re.compile(r"credit balance is too low", re.IGNORECASE), "worker_billing"),
    (re.compile(r"not logged in|/login|authenticat|invalid api key", re.IGNORECASE), "worker_auth"),
    (
        re.compile(
            r"API Error: (?:429|5\d\d)|overloaded|connection (?:refused|error)|ECONN", re.IGNORECASE
        ),
        "worker_outage",
    ),
)


def work_report(
    stream: ClaudeStream, ended: Ended | None, assignment: Assignment, said: str
) -> tuple[str | None, str]:
    """Return the stop's code, if it is one, and what there is to say."""
    if ended and ended.exit_code is None and not stream.at_rest:
        return _cut_short(stream, *limit_outcome(assignment, ended))
    failed = ended is not None and bool(ended.exit_code)
    if stream.is_error or (failed and stream.error_kind):
        return _stop(stream), stream.words
    if failed or not stream.results:
        how = f"claude ended with exit code {ended.exit_code if ended else None}"
        return "worker_failed", "\n".join(part for part in (how, said, stream.words) if part)
    return None, stream.words


def _cut_short(stream: ClaudeStream, stop: str, reached: str) -> tuple[str, str]:
    """Say what the session was at; one that only tried to log in had no chance to do more."""
    retrying = f"; it was retrying after {stream.retrying}" if stream.retrying else ""
    refused = stream.retry_status in (401, 403)
    return "worker_auth" if refused else stop, f"{reached}{retrying}\n{stream.words}".strip()


def _stop(stream: ClaudeStream) -> str:
    says_so = IS_USAGE_LIMIT.search(stream.words)
    limited = stream.limit is not None or says_so
    if limited and (stream.error_status in (None, 429) or stream.error_kind == "rate_limit"):
        return "usage_limit"
    # The limit that the owner of a key has set is refused like a bad request.
    if says_so and stream.error_status == 400:  # noqa: PLR2004 - HTTP
        return "usage_limit"
    if stream.ending:
        return stream.ending
    for sign in (stream.subtype, stream.error_status, stream.error_kind):
        if sign in _STOPS:
            return _STOPS[sign]
    if stream.error_status is not None:
        return "worker_outage" if stream.error_status >= 500 else "worker_failed"  # noqa: PLR2004 - HTTP
    if stream.subtype == "success":  # the words are the failure's, not the model's
        return next((stop for words, stop in _WORDS if words.search(stream.words)), "worker_failed")
    return "worker_failed"
