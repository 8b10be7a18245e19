"""The worker `codex`: the user's own Codex, without a screen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from runr.config.settings import WorkerSettings
from runr.next_steps import commands
from runr.redaction import Redactor
from runr.workers import process
from runr.workers.program import (
    first_variable,
    limit_outcome,
    require_program,
    start_fresh,
    worker_variables,
)
from runr.workers.protocol import Assignment, WorkReport
from runr.workers.transcript import Transcript
from runr.workers.usage_limit import IS_USAGE_LIMIT, retry_after_s


class _Part(BaseModel):
    """A piece of a line; the many keys that we have no use for pass by."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Item(_Part):
    type: str = ""
    text: str = ""
    message: str = ""


class _Usage(_Part):
    input_tokens: int = 0
    output_tokens: int = 0


class _Error(_Part):
    message: str = ""


class _Line(_Part):
    type: str
    thread_id: str | None = None
    item: _Item = _Item()
    usage: _Usage = _Usage()
    error: _Error = _Error()
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodexStream:
    """The stream so far.

    `failure` is why the turn failed, `trouble` what went wrong since the last
    sign of work. Tokens count from the start of the session.
    """

    session_id: str | None = None
    words: str = ""
    failure: str | None = None
    trouble: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    turns: int = 0


def fold_lines(stream: CodexStream, line: Mapping[str, Any]) -> CodexStream:
    """Return what is known after one more line; one of another shape changes nothing."""
    try:
        summary = _Line.model_validate(line)
    except ValidationError:
        return stream
    match summary.type:
        case "thread.started":
            return replace(stream, session_id=summary.thread_id)
        case "item.started" | "item.completed":
            return _item(stream, summary.item)
        case "error":
            return replace(stream, trouble=summary.message)
        case "turn.failed":
            return replace(
                stream, failure=summary.error.message or stream.trouble or "no reason given"
            )
        case "turn.completed":
            return replace(
                stream,
                trouble=None,
                failure=None,
                turns=stream.turns + 1,
                input_tokens=summary.usage.input_tokens,
                output_tokens=summary.usage.output_tokens,
            )
        case _:
            return stream


def _item(stream: CodexStream, item: _Item) -> CodexStream:
    if item.type == "error":  # a warning: the turn goes on
        return stream
    return replace(stream, trouble=None, words=item.text.strip() or stream.words)


_SUMMARY = 4000
_KEYS = ("CODEX_API_KEY", "OPENAI_API_KEY")

# What a Claude Code session around us put into the environment.
_FOREIGN = re.compile(r"CLAUDE_|CLAUDECODE$|AI_AGENT$")

_WORDS = (
    (
        re.compile(
            r"out of room in the model's context|context.length.exceeded"
            r"|exceeds the context window",
            re.IGNORECASE,
        ),
        "context_overflow",
    ),
    (
        re.compile(r"violat\w+ our usage policy|flagged (?:for|as) |content.filter", re.IGNORECASE),
        "model_refusal",
    ),
    (IS_USAGE_LIMIT, "usage_limit"),
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
            r"status (?:408|429|5\d\d)\b|overloaded|at capacity|rate limit|reconnecting"
            r"|connection (?:refused|failed|reset)|stream disconnected|error sending request",
            re.IGNORECASE,
        ),
        "worker_outage",
    ),
)


class Codex:
    """One `codex exec` for each attempt; further attempts resume its session."""

    program = "codex"
    reports_cost = False

    def preflight(self, settings: WorkerSettings, environment: Mapping[str, str]) -> None:
        """Refuse where `codex` is not installed."""
        require_program(
            _program(settings)[0],
            environment,
            commands.program("npm", "install", "-g", "@openai/codex"),
        )

    def login_state(self, environment: Mapping[str, str]) -> str:
        """Return the variable or the file with the login."""
        home = Path(environment.get("HOME", "/nowhere"))
        file = Path(environment.get("CODEX_HOME") or home / ".codex") / "auth.json"
        return first_variable(_KEYS, environment) or (str(file) if file.exists() else "")

    async def work(self, assignment: Assignment) -> WorkReport:
        """Let the session work until it has nothing more to do."""
        self.preflight(assignment.settings, assignment.environment)
        redact = Redactor(assignment.environment)
        with Transcript(assignment.transcript, redact) as transcript:
            stream, ended = await _session(assignment, transcript)
            if assignment.follow_up and stream.session_id is None and ended.exit_code:
                # Nothing began: the session that was to go on is not there.
                start_fresh(assignment, redact)
                assignment = replace(assignment, follow_up=None)
                stream, ended = await _session(assignment, transcript)
            stop, summary = _outcome(stream, ended, assignment, transcript.tail)
        known = assignment.follow_up
        return WorkReport(
            stop=stop,
            retry_after_s=retry_after_s(summary) if stop == "worker_outage" else None,
            summary=redact(summary)[:_SUMMARY],
            answer=redact(stream.words),
            exit_code=ended.exit_code,
            session_id=stream.session_id or (known.session_id if known else None),
            input_tokens=_own(stream.input_tokens, known.input_tokens if known else 0),
            output_tokens=_own(stream.output_tokens, known.output_tokens if known else 0),
            turns=stream.turns,
        )


def _program(settings: WorkerSettings) -> tuple[str, ...]:
    return settings.command or (Codex.program,)


def _command(assignment: Assignment) -> tuple[str, ...]:
    """Return the program and its arguments; the prompt goes in on standard input."""
    settings = assignment.settings
    model = ("-m", settings.model) if settings.model else ()
    known = assignment.follow_up
    sandbox = "read-only" if assignment.reads_only else settings.sandbox_mode
    return (
        *(*_program(settings), "exec", "--json", "-C", str(assignment.workdir)),
        *("-s", sandbox, *model, *settings.extra_args),
        *(("resume", known.session_id) if known else ()),
        "-",
    )


async def _session(
    assignment: Assignment, transcript: Transcript
) -> tuple[CodexStream, process.Ended]:
    stream = CodexStream()

    def hear(line: str) -> None:
        nonlocal stream
        parsed = transcript.hear(line)
        if parsed is None:
            return
        stream = fold_lines(stream, parsed)

    message = assignment.follow_up.prompt if assignment.follow_up else assignment.prompt
    environment = worker_variables(assignment).items()
    ended = await process.run(
        (*assignment.launcher, *_command(assignment)),
        cwd=assignment.workdir,
        env={name: value for name, value in environment if not _FOREIGN.match(name)},
        input=message.encode("utf-8", "replace"),
        on_line=hear,
        timeout_s=assignment.timeout_s,
        stall_s=assignment.stall_s,
        marker=assignment.run_id,
    )
    transcript.exit(ended.exit_code)
    return stream, ended


def _outcome(
    stream: CodexStream, ended: process.Ended, assignment: Assignment, said: str
) -> tuple[str | None, str]:
    """Return the stop's code, if it is one, and what there is to say."""
    if ended.exit_code is None:
        stop, reached = limit_outcome(assignment, ended)
        why = f"; it was retrying after: {stream.trouble}" if stream.trouble else ""
        return _kind(stream.trouble or "", stop), f"{reached}{why}\n{stream.words}".strip()
    if stream.failure:
        return _kind(stream.failure, "worker_failed"), stream.failure
    if ended.exit_code or not stream.turns:
        how = f"{Codex.program} ended with exit code {ended.exit_code}"
        message = "\n".join(part for part in (how, stream.trouble, said, stream.words) if part)
        return _kind(f"{stream.trouble}\n{said}", "worker_failed"), message
    return None, stream.words


def _kind(words: str, other: str) -> str:
    return next((stop for pattern, stop in _WORDS if pattern.search(words)), other)


def _own(total: int, counted: int) -> int:
    """Return this attempt's part of a count that goes on over a whole session."""
    return total - counted if total >= counted else total
