"""How Claude Code is started without a screen: arguments and environment."""

import re
from collections.abc import Mapping

from runr.core.config import WorkerSettings

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
_SET = {
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "DISABLE_AUTOUPDATER": "1",
}


def program(settings: WorkerSettings) -> tuple[str, ...]:
    """Return what is started: the user's own command, else `claude`."""
    return settings.command or ("claude",)


def command(
    settings: WorkerSettings,
    session: str,
    task: str,
    *,
    goes_on: bool = False,
    reads_only: bool = False,
) -> tuple[str, ...]:
    """Return the program and its arguments; the prompt goes in on standard input.

    `session` is the id of a new session, or of one that `goes_on`.
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
        *program(settings),
        *("-p", "--output-format", "stream-json", "--verbose"),
        *("--resume" if goes_on else "--session-id", session, "--name", f"runr {task}"),
        *("--permission-mode", "default" if reads_only else settings.permission_mode),
        *("--disallowedTools", *_DISALLOWED, *(_CHANGING if reads_only else ())),
        # The project's rules apply, but not its servers and hooks: runr's own could be among them.
        *("--strict-mcp-config", "--setting-sources", "project"),
        *("--settings", '{"disableAllHooks":true}'),
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
