"""The worker `codex`: the user's own Codex, without a screen."""

import re
from collections.abc import Mapping
from dataclasses import replace

from runr.core.config import WorkerSettings
from runr.core.redact import Redactor
from runr.workers import process
from runr.workers.assignment import Assignment, WorkReport
from runr.workers.codex_stream import Heard, fold
from runr.workers.program import limit, require, start_over, variables
from runr.workers.transcript import Transcript

_SUMMARY = 4000

# What a Claude Code session around us put into the environment.
_FOREIGN = re.compile(r"CLAUDE_|CLAUDECODE$|AI_AGENT$")

_WORDS = (
    (
        re.compile(
            r"status 40[13]\b|not logged in|codex login|unauthorized|invalid api key"
            r"|(?:Missing|set) (?:the )?environment variable",
            re.IGNORECASE,
        ),
        "worker_auth",
    ),
    (
        re.compile(
            r"status (?:408|429|5\d\d)\b|overloaded|at capacity|(?:rate|usage) limit|reconnecting"
            r"|connection (?:refused|failed|reset)|stream disconnected|error sending request",
            re.IGNORECASE,
        ),
        "worker_outage",
    ),
)


class Codex:
    """One `codex exec` for each attempt; further ones go on in its session."""

    def preflight(self, settings: WorkerSettings, environment: Mapping[str, str]) -> None:
        """Refuse where `codex` is not installed."""
        require(_program(settings)[0], environment, "npm install -g @openai/codex")

    async def work(self, assignment: Assignment) -> WorkReport:
        """Let the session work until it has nothing more to do."""
        self.preflight(assignment.settings, assignment.environment)
        redact = Redactor(assignment.environment)
        with Transcript(assignment.transcript, redact) as transcript:
            heard, ended = await _session(assignment, transcript)
            if assignment.follow_up and heard.session_id is None and ended.exit_code:
                # Nothing began: the session that was to go on is not there.
                start_over(assignment, redact)
                assignment = replace(assignment, follow_up=None)
                heard, ended = await _session(assignment, transcript)
            stop, summary = _judge(heard, ended, assignment, transcript.tail)
        known = assignment.follow_up
        return WorkReport(
            stop=stop,
            summary=redact(summary)[:_SUMMARY],
            answer=redact(heard.words),
            exit_code=ended.exit_code,
            session_id=heard.session_id or (known.session_id if known else None),
            input_tokens=_own(heard.input_tokens, known.input_tokens if known else 0),
            output_tokens=_own(heard.output_tokens, known.output_tokens if known else 0),
            turns=heard.turns,
        )


def _program(settings: WorkerSettings) -> tuple[str, ...]:
    return settings.command or ("codex",)


def _command(assignment: Assignment) -> tuple[str, ...]:
    """Return the program and its arguments; the prompt goes in on standard input."""
    settings = assignment.settings
    model = ("-m", settings.model) if settings.model else ()
    known = assignment.follow_up
    sandbox = "read-only" if assignment.reads_only else settings.sandbox
    return (
        *(*_program(settings), "exec", "--json", "-C", str(assignment.workdir)),
        *("-s", sandbox, *model, *settings.extra_args),
        *(("resume", known.session_id) if known else ()),
        "-",
    )


async def _session(assignment: Assignment, transcript: Transcript) -> tuple[Heard, process.Ended]:
    heard = Heard()

    def hear(line: str) -> None:
        nonlocal heard
        parsed = transcript.hear(line)
        if parsed is None:
            return
        heard = fold(heard, parsed)

    told = assignment.follow_up.prompt if assignment.follow_up else assignment.prompt
    environment = variables(assignment).items()
    ended = await process.run(
        _command(assignment),
        cwd=assignment.workdir,
        env={name: value for name, value in environment if not _FOREIGN.match(name)},
        input=told.encode("utf-8", "replace"),
        on_line=hear,
        timeout_s=assignment.timeout_s,
        stall_s=assignment.stall_s,
        marker=assignment.run_id,
    )
    transcript.exit(ended.exit_code)
    return heard, ended


def _judge(
    heard: Heard, ended: process.Ended, assignment: Assignment, said: str
) -> tuple[str | None, str]:
    """Return the stop's code, if it is one, and what there is to say."""
    if ended.exit_code is None:
        stop, reached = limit(assignment, ended)
        why = f"; it was retrying after: {heard.trouble}" if heard.trouble else ""
        return _kind(heard.trouble or "", stop), f"{reached}{why}\n{heard.words}".strip()
    if heard.failure:
        return _kind(heard.failure, "worker_failed"), heard.failure
    if ended.exit_code or not heard.turns:
        how = f"codex ended with exit code {ended.exit_code}"
        told = "\n".join(part for part in (how, heard.trouble, said, heard.words) if part)
        return _kind(f"{heard.trouble}\n{said}", "worker_failed"), told
    return None, heard.words


def _kind(words: str, other: str) -> str:
    return next((stop for pattern, stop in _WORDS if pattern.search(words)), other)


def _own(total: int, counted: int) -> int:
    """Return this attempt's part of a count that goes on over a whole session."""
    return total - counted if total >= counted else total
