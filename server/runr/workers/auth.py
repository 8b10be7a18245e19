"""A program that a worker starts: whether it is there, and what it is told."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio

from runr import nofollow
from runr.errors import WorkerUnavailableError
from runr.redaction import Redactor
from runr.text import format_duration
from runr.workers import process
from runr.workers.process import Ended
from runr.workers.protocol import Assignment


def read_credentials(path: Path) -> dict[str, Any]:
    """Return what a file holds; one that cannot be read says nothing."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


_CLAUDE_KEYS = (
    *("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
    *("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"),
)
_CODEX_KEYS = ("CODEX_API_KEY", "OPENAI_API_KEY")


def login_state(name: str, environment: Mapping[str, str]) -> str | None:
    """Return what speaks for a login; empty where nothing does, None where nobody can tell."""
    match name:
        case "claude-code":
            return _variable(_CLAUDE_KEYS, environment) or _claude(environment)
        case "codex":
            return _variable(_CODEX_KEYS, environment) or _codex(environment)
        case _:
            return None


def _variable(names: tuple[str, ...], environment: Mapping[str, str]) -> str:
    return next((name for name in names if environment.get(name)), "")


def _claude(environment: Mapping[str, str]) -> str:
    home = Path(environment.get("HOME", "/nowhere"))
    chosen = environment.get("CLAUDE_CONFIG_DIR")
    folder = Path(chosen) if chosen else home / ".claude"
    if (folder / ".credentials.json").exists():
        return str(folder / ".credentials.json")
    if read_credentials(folder / "settings.json").get("apiKeyHelper"):
        return "apiKeyHelper"
    # Where the system keeps passwords, only the name of the account is in a file.
    account = read_credentials((folder if chosen else home) / ".claude.json")
    return "its account" if account.get("oauthAccount") else ""


def _codex(environment: Mapping[str, str]) -> str:
    home = Path(environment.get("HOME", "/nowhere"))
    file = Path(environment.get("CODEX_HOME") or home / ".codex") / "auth.json"
    return str(file) if file.exists() else ""


_PATIENCE_S = 20
_LONGEST = 80


def program_version(
    command: Sequence[str], environment: Mapping[str, str], folder: Path
) -> str | None:
    """Return the first line of what the program answers to `--version`; None where it does not."""
    said: list[str] = []

    async def listen() -> int | None:
        ended = await process.run(
            (*command, "--version"),
            cwd=folder,
            env=environment,
            on_line=said.append,
            timeout_s=_PATIENCE_S,
            marker="version",
        )
        return ended.exit_code

    try:
        code = anyio.run(listen)
    except WorkerUnavailableError:
        return None
    lines = [line.strip() for line in said if line.strip()]
    return lines[0][:_LONGEST] if code == 0 and lines else None


def require_program(program: str, environment: Mapping[str, str], *next_steps: str) -> None:
    """Raise WorkerUnavailableError unless the program is on the environment's PATH.

    One with a relative folder is looked for in the working folder when the work begins.
    """
    if "/" in program and not program.startswith("/"):
        return
    if shutil.which(program, path=environment.get("PATH")) is None:
        raise WorkerUnavailableError(
            f"{program} was not found on PATH", next_steps=(*next_steps, "runr doctor")
        )


def limit_outcome(assignment: Assignment, ended: Ended) -> tuple[str, str]:
    """Return the stop of a program that was ended, and what limit it had reached."""
    if ended.stalled:
        return "stalled", f"ended after {format_duration(assignment.stall_s)} without a word"
    return "time_limit", f"ended after the time limit of {format_duration(assignment.timeout_s)}"


def start_fresh(assignment: Assignment, redact: Redactor) -> None:
    """Write down that the worker is told everything: its session could not go on."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    handle = nofollow.open_file(assignment.prompt_file, flags)
    with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
        file.write(redact(assignment.prompt))


def worker_variables(assignment: Assignment) -> dict[str, str]:
    """Return the environment of a worker's program, with what it is about."""
    return {
        **assignment.environment,
        "RUNR_TASK": assignment.task_path,
        "RUNR_TASK_FILE": str(assignment.task_file),
        "RUNR_PROMPT_FILE": str(assignment.prompt_file),
        "RUNR_ATTEMPT": str(assignment.attempt),
        "RUNR_PHASE": assignment.phase,
        "RUNR_WORKDIR": str(assignment.workdir),
    }
