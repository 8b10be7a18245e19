"""The worker `claude-code`: the user's own `claude`, without a screen."""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import anyio

from runr.config.settings import WorkerSettings
from runr.next_steps import commands
from runr.redaction import Redactor
from runr.workers import claude_user, process
from runr.workers.claude_stream import ClaudeStream, fold_lines, work_report
from runr.workers.program import (
    first_variable,
    read_json,
    require_program,
    start_fresh,
    worker_variables,
)
from runr.workers.protocol import Assignment, FollowUp, WorkReport
from runr.workers.transcript import Transcript
from runr.workers.usage_limit import MOST_WAIT_S, epoch_time, retry_after_s

# These move the session elsewhere, keep it alive, or talk to others.
_DISALLOWED = ("EnterWorktree", "ExitWorktree", "ScheduleWakeup", "CronCreate", "SendMessage")

# What a planner and a reviewer have no use for; that they change nothing is checked all the same.
_CHANGING = ("Edit", "MultiEdit", "Write", "NotebookEdit")

# What a session around us put into the environment goes; how the user reaches a model stays.
_FOREIGN = re.compile(r"CLAUDE_|CLAUDECODE$|AI_AGENT$")
_OWN = re.compile(
    r"CLAUDE_CONFIG_DIR$|CLAUDE_CODE_(?:OAUTH_TOKEN|USE_\w+|SKIP_\w+_AUTH|CLIENT_\w+|EXTRA_BODY"
    r"|MAX_RETRIES|RETRY_WATCHDOG|MAX_OUTPUT_TOKENS|SUBAGENT_MODEL|API_KEY_HELPER_TTL_MS"
    r"|PROXY_RESOLVES_HOSTS|DISABLE_NONESSENTIAL_TRAFFIC)$"
)
_KEYS = (
    *("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
    *("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"),
)
_SETTINGS: dict[str, object] = {"disableAllHooks": True}
_SET = {
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "DISABLE_AUTOUPDATER": "1",
}


def claude_program(settings: WorkerSettings) -> tuple[str, ...]:
    """Return what is started: the user's own command, else `claude`."""
    return settings.command or (ClaudeCode.program,)


def claude_command(
    settings: WorkerSettings,
    session: str,
    task: str,
    *,
    goes_on: bool = False,
    reads_only: bool = False,
    key_helper: str | None = None,
) -> tuple[str, ...]:
    """Return the program and its arguments; the prompt goes in on standard input.

    `session` is the id of a new session, or of one that `goes_on`. `key_helper` is the user's
    command that prints their key.
    """
    options: list[str] = []
    if settings.allowed_tools:
        options += ("--allowedTools", *settings.allowed_tools)
    if settings.model:
        options += ("--model", settings.model)
    if settings.max_turns:
        options += ("--max-turns", str(settings.max_turns))
    if settings.budget_usd:
        options += ("--max-budget-usd", str(settings.budget_usd))
    return (
        *claude_program(settings),
        *("-p", "--output-format", "stream-json", "--verbose"),
        *("--resume" if goes_on else "--session-id", session, "--name", f"runr {task}"),
        *("--permission-mode", "default" if reads_only else settings.permission_mode),
        *("--disallowedTools", *_DISALLOWED, *(_CHANGING if reads_only else ())),
        # The project's rules apply, but not its servers and hooks: runr's own could be among them.
        *("--strict-mcp-config", "--setting-sources", "project"),
        *(
            "--settings",
            json.dumps(_SETTINGS | ({"apiKeyHelper": key_helper} if key_helper else {})),
        ),
        *options,
        *settings.extra_args,
    )


def environment_for(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without an outer session's variables."""
    inherited = {
        name: value
        for name, value in environment.items()
        if _OWN.match(name) or not _FOREIGN.match(name)
    }
    return inherited | _SET


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

    program = "claude"
    reports_cost = True

    def __init__(self, new_id: Callable[[], UUID] = uuid4, *, linger_s: float = 10) -> None:
        self._new_id = new_id
        self._linger_s = linger_s

    def preflight(self, settings: WorkerSettings, environment: Mapping[str, str]) -> None:
        """Refuse where `claude` is not installed."""
        require_program(
            claude_program(settings)[0],
            environment,
            commands.program("npm", "install", "-g", "@anthropic-ai/claude-code"),
        )

    def login_state(self, environment: Mapping[str, str]) -> str:
        """Return the variable, the file or the account with the login."""
        folder, user = claude_user.config_folder(environment), claude_user.read(environment)
        if variable := first_variable(_KEYS, environment):
            return variable
        if (folder / ".credentials.json").exists():
            return str(folder / ".credentials.json")
        if user.key_helper:
            return f"apiKeyHelper in {user.path}"
        if variable := first_variable(_KEYS, user.variables):
            return f"{variable} in {user.path}"
        # Where the system keeps passwords, only the name of the account is in a file.
        chosen = environment.get("CLAUDE_CONFIG_DIR")
        account = read_json((folder if chosen else folder.parent) / ".claude.json")
        return "its account" if account.get("oauthAccount") else ""

    async def work(self, assignment: Assignment) -> WorkReport:
        """Let the session work until it has nothing more to do."""
        self.preflight(assignment.settings, assignment.environment)
        user = claude_user.read(assignment.environment)
        assignment = replace(assignment, environment=user.applied(assignment.environment))
        redact = Redactor(assignment.environment)
        follow_up = assignment.follow_up
        with Transcript(assignment.transcript, redact) as transcript:
            session = self._session(assignment)
            stream, ended = await _follow(assignment, session, transcript, self._linger_s)
            if follow_up and _is_unknown(stream, ended):
                follow_up = None
                start_fresh(assignment, redact)
                session = self._session(replace(assignment, follow_up=None))
                stream, ended = await _follow(assignment, session, transcript, self._linger_s)
            stop, summary = work_report(stream, ended, assignment, transcript.tail)
        tokens = stream.tokens
        known = stream.limit.resets_at if stream.limit else None
        return WorkReport(
            stop=stop,
            resets_at=epoch_time(known) if known else None,
            retry_after_s=_asked_to_wait(stream, summary) if stop == "worker_outage" else None,
            summary=redact(summary)[:_SUMMARY],
            answer=redact(stream.words),
            exit_code=ended.exit_code if ended else None,
            session_id=stream.session_id or session.id,
            cost_usd=_own_cost(stream.cost_usd, follow_up),
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            turns=stream.turns or len(stream.unsettled),
            denied=tuple(redact(denial) for denial in stream.denials.values()),
        )

    def _session(self, assignment: Assignment) -> _Session:
        if follow_up := assignment.follow_up:
            return _Session(id=follow_up.session_id, prompt=follow_up.prompt, goes_on=True)
        return _Session(id=str(self._new_id()), prompt=assignment.prompt)


def _is_unknown(stream: ClaudeStream, ended: process.Ended | None) -> bool:
    """Tell whether a session that was to go on is not there: it failed before it began."""
    return not stream.begun and ended is not None and bool(ended.exit_code)


def _asked_to_wait(stream: ClaudeStream, summary: str) -> float | None:
    """Return how long the service wants to be left alone, as it says or as the client does."""
    known = [each for each in (stream.retry_after_s, retry_after_s(summary)) if each is not None]
    return min(max(known), MOST_WAIT_S) if known else None


def _own_cost(total: float | None, follow_up: FollowUp | None) -> float | None:
    """Return what this attempt cost; a session that goes on counts from its beginning."""
    if total is None or follow_up is None or total < follow_up.cost_usd:
        return total
    return round(total - follow_up.cost_usd, 9)


async def _follow(
    assignment: Assignment, session: _Session, transcript: Transcript, linger_s: float
) -> tuple[ClaudeStream, process.Ended | None]:
    """Run the session; None where it had to be ended after its result."""
    stream = ClaudeStream()
    ended: process.Ended | None = None
    lingering = anyio.CancelScope()

    def hear(line: str) -> None:
        nonlocal stream
        parsed = transcript.hear(line)
        if parsed is None:
            return
        was_at_rest, stream = stream.at_rest, fold_lines(stream, parsed)
        if stream.at_rest != was_at_rest:
            limit = anyio.current_time() + linger_s if stream.at_rest else math.inf
            lingering.deadline = limit

    with lingering:
        ended = await process.run(
            (
                *assignment.launcher,
                *claude_command(
                    assignment.settings,
                    session.id,
                    assignment.task_path,
                    goes_on=session.goes_on,
                    reads_only=assignment.reads_only,
                    key_helper=claude_user.read(assignment.environment).key_helper,
                ),
            ),
            cwd=assignment.workdir,
            env=environment_for(worker_variables(assignment)),
            input=session.prompt.encode("utf-8", "replace"),
            on_line=hear,
            timeout_s=assignment.timeout_s,
            stall_s=assignment.stall_s,
            marker=assignment.run_id,
        )
    transcript.exit(ended.exit_code if ended else None)
    return stream, ended
