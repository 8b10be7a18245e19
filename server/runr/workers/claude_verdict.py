"""How a session of Claude Code ended: the stop that it is, and what there is to say."""

import re

from runr.workers.assignment import Assignment
from runr.workers.claude_stream import Heard
from runr.workers.process import Ended
from runr.workers.program import limit

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


def judge(
    heard: Heard, ended: Ended | None, assignment: Assignment, said: str
) -> tuple[str | None, str]:
    """Return the stop's code, if it is one, and what there is to say."""
    if ended and ended.exit_code is None and not heard.at_rest:
        return _cut_short(heard, *limit(assignment, ended))
    failed = ended is not None and bool(ended.exit_code)
    if heard.is_error or (failed and heard.error_kind):
        return _stop(heard), heard.words
    if failed or not heard.results:
        how = f"claude ended with exit code {ended.exit_code if ended else None}"
        return "worker_failed", "\n".join(part for part in (how, said, heard.words) if part)
    return None, heard.words


def _cut_short(heard: Heard, stop: str, reached: str) -> tuple[str, str]:
    """Say what the session was at; one that only tried to log in had no chance to do more."""
    retrying = f"; it was retrying after {heard.retrying}" if heard.retrying else ""
    refused = heard.retry_status in (401, 403)
    return "worker_auth" if refused else stop, f"{reached}{retrying}\n{heard.words}".strip()


def _stop(heard: Heard) -> str:
    for sign in (heard.subtype, heard.error_status, heard.error_kind):
        if sign in _STOPS:
            return _STOPS[sign]
    if heard.error_status is not None:
        return "worker_outage" if heard.error_status >= 500 else "worker_failed"  # noqa: PLR2004 - HTTP
    if heard.subtype == "success":  # the words are the failure's, not the model's
        return next((stop for words, stop in _WORDS if words.search(heard.words)), "worker_failed")
    return "worker_failed"
