"""The worker `claude-code`: the user's own `claude`, without a screen."""

import math
import re
from collections.abc import Callable, Mapping
from uuid import UUID, uuid4

import anyio

from runr.core.config import WorkerSettings
from runr.core.duration import spoken
from runr.core.redact import Redactor
from runr.workers import process
from runr.workers.assignment import Assignment, WorkReport
from runr.workers.claude_launch import command, environment_for, program
from runr.workers.claude_lines import parse
from runr.workers.claude_stream import Heard, fold
from runr.workers.program import require, variables
from runr.workers.transcript import Transcript

_STOPS = {
    "error_max_budget_usd": "budget",
    "error_max_turns": "turns",
    "authentication_failed": "worker_auth",
    "rate_limit": "worker_outage",
    "overloaded": "worker_outage",
    "server_error": "worker_outage",
    401: "worker_auth",
    403: "worker_auth",
    408: "worker_outage",
    429: "worker_outage",
}
_SUMMARY = 4000

# For a version that names neither kind nor status.
_WORDS = (
    (re.compile(r"not logged in|/login|authenticat|invalid api key", re.IGNORECASE), "worker_auth"),
    (
        re.compile(
            r"API Error: (?:429|5\d\d)|overloaded|connection (?:refused|error)|ECONN", re.IGNORECASE
        ),
        "worker_outage",
    ),
)


class ClaudeCode:
    """One headless session for each attempt; `new_id` names it.

    A result is not the end: the process may go on with another turn, or wait
    for something it left running. At rest it is given `linger_s` to exit.
    """

    def __init__(self, new_id: Callable[[], UUID] = uuid4, *, linger_s: float = 10) -> None:
        self._new_id = new_id
        self._linger_s = linger_s

    def preflight(self, settings: WorkerSettings, environment: Mapping[str, str]) -> None:
        """Refuse where `claude` is not installed."""
        require(
            program(settings)[0],
            environment,
            "npm install -g @anthropic-ai/claude-code",
        )

    async def work(self, assignment: Assignment) -> WorkReport:
        """Let the session work until it has nothing more to do."""
        self.preflight(assignment.settings, assignment.environment)
        session = str(self._new_id())
        redact = Redactor(assignment.environment)
        with Transcript(assignment.transcript, redact) as transcript:
            heard, ended = await _session(assignment, session, transcript, self._linger_s)
            transcript.exit(ended.exit_code if ended else None)
            stop, summary = _judge(heard, ended, assignment.timeout_s, transcript.tail)
        tokens = heard.tokens
        return WorkReport(
            stop=stop,
            summary=redact(summary)[:_SUMMARY],
            exit_code=ended.exit_code if ended else None,
            session_id=heard.session_id or session,
            cost_usd=heard.cost_usd,
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            turns=heard.turns or len(heard.unsettled),
            denied=tuple(redact(denial) for denial in heard.denials.values()),
        )


async def _session(
    assignment: Assignment, session: str, transcript: Transcript, linger_s: float
) -> tuple[Heard, process.Ended | None]:
    """Run the session; None where it had to be ended after its result."""
    heard = Heard()
    ended: process.Ended | None = None
    lingering = anyio.CancelScope()

    def hear(line: str) -> None:
        nonlocal heard
        parsed = parse(line)
        if parsed is None:
            transcript.output(line)
            return
        transcript.raw(line)
        was_at_rest, heard = heard.at_rest, fold(heard, parsed)
        if heard.at_rest != was_at_rest:
            limit = anyio.current_time() + linger_s if heard.at_rest else math.inf
            lingering.deadline = limit

    with lingering:
        ended = await process.run(
            command(assignment.settings, session, assignment.task_path),
            cwd=assignment.workdir,
            env=environment_for(variables(assignment)),
            input=assignment.prompt.encode("utf-8", "replace"),
            on_line=hear,
            timeout_s=assignment.timeout_s,
            marker=assignment.run_id,
        )
    return heard, ended


def _judge(
    heard: Heard, ended: process.Ended | None, timeout_s: float, said: str
) -> tuple[str | None, str]:
    """Return the stop code, if it is one, and what there is to say."""
    if ended and ended.timed_out and not heard.at_rest:
        retrying = f"; it was retrying after {heard.retrying}" if heard.retrying else ""
        limit = f"ended after its time limit of {spoken(timeout_s)}{retrying}"
        return "time_limit", f"{limit}\n{heard.words}".strip()
    failed = ended is not None and bool(ended.exit_code)
    if heard.is_error or (failed and heard.error_kind):
        return _stop(heard), heard.words
    if failed or not heard.results:
        how = f"claude ended with exit code {ended.exit_code if ended else None}"
        return "worker_failed", "\n".join(part for part in (how, said, heard.words) if part)
    return None, heard.words


def _stop(heard: Heard) -> str:
    for sign in (heard.subtype, heard.error_status, heard.error_kind):
        if sign in _STOPS:
            return _STOPS[sign]
    if heard.error_status is not None:
        return "worker_outage" if heard.error_status >= 500 else "worker_failed"  # noqa: PLR2004 - HTTP
    if heard.subtype == "success":  # the words are the failure's, not the model's
        return next((stop for words, stop in _WORDS if words.search(heard.words)), "worker_failed")
    return "worker_failed"
