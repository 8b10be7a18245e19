"""The worker `claude-code`: the user's own `claude`, without a screen."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import anyio

from runr.core.config import WorkerSettings
from runr.core.redact import Redactor
from runr.workers import process
from runr.workers.assignment import Assignment, FollowUp, WorkReport
from runr.workers.claude_launch import command, environment_for, program
from runr.workers.claude_stream import Heard, fold
from runr.workers.claude_verdict import judge
from runr.workers.program import require, start_over, variables
from runr.workers.transcript import Transcript

_SUMMARY = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """What is started: a session with a new id, or one that goes on."""

    id: str
    prompt: str
    goes_on: bool = False


class ClaudeCode:
    """One headless session for a run, where it can go on, else for each attempt.

    `new_id` names it. A result is not the end: the process may go on with
    another turn, or wait for something it left running. At rest it is given
    `linger_s` to exit.
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
        redact = Redactor(assignment.environment)
        follow_up = assignment.follow_up
        with Transcript(assignment.transcript, redact) as transcript:
            session = self._session(assignment)
            heard, ended = await _follow(assignment, session, transcript, self._linger_s)
            if follow_up and _is_unknown(heard, ended):
                follow_up = None
                start_over(assignment, redact)
                session = self._session(replace(assignment, follow_up=None))
                heard, ended = await _follow(assignment, session, transcript, self._linger_s)
            stop, summary = judge(heard, ended, assignment, transcript.tail)
        tokens = heard.tokens
        return WorkReport(
            stop=stop,
            summary=redact(summary)[:_SUMMARY],
            answer=redact(heard.words),
            exit_code=ended.exit_code if ended else None,
            session_id=heard.session_id or session.id,
            cost_usd=_own_cost(heard.cost_usd, follow_up),
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            turns=heard.turns or len(heard.unsettled),
            denied=tuple(redact(denial) for denial in heard.denials.values()),
        )

    def _session(self, assignment: Assignment) -> _Session:
        if follow_up := assignment.follow_up:
            return _Session(id=follow_up.session_id, prompt=follow_up.prompt, goes_on=True)
        return _Session(id=str(self._new_id()), prompt=assignment.prompt)


def _is_unknown(heard: Heard, ended: process.Ended | None) -> bool:
    """Tell whether a session that was to go on is not there: it failed before it began."""
    return not heard.begun and ended is not None and bool(ended.exit_code)


def _own_cost(total: float | None, follow_up: FollowUp | None) -> float | None:
    """Return what this attempt cost; a session that goes on counts from its beginning."""
    if total is None or follow_up is None or total < follow_up.cost_usd:
        return total
    return round(total - follow_up.cost_usd, 9)


async def _follow(
    assignment: Assignment, session: _Session, transcript: Transcript, linger_s: float
) -> tuple[Heard, process.Ended | None]:
    """Run the session; None where it had to be ended after its result."""
    heard = Heard()
    ended: process.Ended | None = None
    lingering = anyio.CancelScope()

    def hear(line: str) -> None:
        nonlocal heard
        parsed = transcript.hear(line)
        if parsed is None:
            return
        was_at_rest, heard = heard.at_rest, fold(heard, parsed)
        if heard.at_rest != was_at_rest:
            limit = anyio.current_time() + linger_s if heard.at_rest else math.inf
            lingering.deadline = limit

    with lingering:
        ended = await process.run(
            command(
                assignment.settings,
                session.id,
                assignment.task_path,
                goes_on=session.goes_on,
                reads_only=assignment.reads_only,
            ),
            cwd=assignment.workdir,
            env=environment_for(variables(assignment)),
            input=session.prompt.encode("utf-8", "replace"),
            on_line=hear,
            timeout_s=assignment.timeout_s,
            stall_s=assignment.stall_s,
            marker=assignment.run_id,
        )
    transcript.exit(ended.exit_code if ended else None)
    return heard, ended
