"""The program that a worker starts: whether it is installed, its version, its environment."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio

from runr import nofollow
from runr.errors import WorkerUnavailableError
from runr.next_steps import commands
from runr.next_steps.step import NextStep
from runr.redaction import Redactor
from runr.text import format_duration
from runr.workers import process
from runr.workers.process import Ended
from runr.workers.protocol import Assignment

_VERSION_TIMEOUT_S = 20
_VERSION_LENGTH = 80


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one where it cannot be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def first_variable(names: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return the first of these variables that is set, or an empty text."""
    return next((name for name in names if environment.get(name)), "")


def program_version(
    command: Sequence[str], environment: Mapping[str, str], folder: Path
) -> str | None:
    """Return the first line that the program prints for `--version`; None where it fails."""
    printed: list[str] = []

    async def ask() -> int | None:
        ended = await process.run(
            (*command, "--version"),
            cwd=folder,
            env=environment,
            on_line=printed.append,
            timeout_s=_VERSION_TIMEOUT_S,
            marker="version",
        )
        return ended.exit_code

    try:
        code = anyio.run(ask)
    except WorkerUnavailableError:
        return None
    lines = [line.strip() for line in printed if line.strip()]
    return lines[0][:_VERSION_LENGTH] if code == 0 and lines else None


def require_program(
    program: str, environment: Mapping[str, str], *next_steps: NextStep | str
) -> None:
    """Raise WorkerUnavailableError unless the program is on the environment's PATH.

    One with a relative folder is looked for in the working folder when the work begins.
    """
    if "/" in program and not program.startswith("/"):
        return
    if shutil.which(program, path=environment.get("PATH")) is None:
        raise WorkerUnavailableError(
            f"{program} was not found on PATH", next_steps=(*next_steps, commands.doctor())
        )


def limit_outcome(assignment: Assignment, ended: Ended) -> tuple[str, str]:
    """Return the stop reason of a program that was ended, and the limit that it reached."""
    if ended.stalled:
        return "stalled", f"ended after {format_duration(assignment.stall_s)} without a word"
    return "time_limit", f"ended after the time limit of {format_duration(assignment.timeout_s)}"


def start_fresh(assignment: Assignment, redact: Redactor) -> None:
    """Record that the worker gets the whole prompt, because its session could not be resumed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    handle = nofollow.open_file(assignment.prompt_file, flags)
    with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
        file.write(redact(assignment.prompt))


def worker_variables(assignment: Assignment) -> dict[str, str]:
    """Return the environment of a worker's program, with the variables that describe the task."""
    return {
        **assignment.environment,
        "RUNR_TASK": assignment.task_path,
        "RUNR_TASK_FILE": str(assignment.task_file),
        "RUNR_PROMPT_FILE": str(assignment.prompt_file),
        "RUNR_ATTEMPT": str(assignment.attempt),
        "RUNR_PHASE": assignment.phase,
        "RUNR_WORKDIR": str(assignment.workdir),
    }
