"""A command as a hook: it reads the payload, and its exit code says whether it agrees."""

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from runr.errors import WorkerUnavailableError
from runr.redaction import CleanLines, Redactor
from runr.workers import process

#: How many of the last lines that a command has put out are kept, and of how many characters.
_LINES, _LETTERS = 20, 2000


class CommandResult(NamedTuple):
    """How a command ended; `detail` is the end of its output, or why there is none."""

    outcome: str
    detail: str
    seconds: float = 0.0
    exit_code: int | None = None


async def run_command(
    argv: Sequence[str],
    payload: bytes,
    *,
    folder: Path,
    environment: Mapping[str, str],
    marker: str,
    timeout_s: float,
    redact: Redactor,
) -> CommandResult:
    """Run a command with the payload on its standard input, and end what it leaves running.

    Its variables are all of `environment`; the process and what it starts carry the `marker`.
    """
    last: deque[str] = deque(maxlen=_LINES)
    clean = CleanLines(redact)
    try:
        ended = await process.run(
            argv,
            cwd=folder,
            env=environment,
            input=payload,
            on_line=lambda line: last.append(clean(line)),
            timeout_s=timeout_s,
            marker=marker,
        )
    except WorkerUnavailableError as error:
        return CommandResult("failed", error.message)
    said = "\n".join(last).strip()[-_LETTERS:]
    seconds = round(ended.seconds, 3)
    if ended.timed_out:
        return CommandResult("timed_out", f"no end after {timeout_s:g}s", seconds)
    if ended.exit_code:
        how = f"exit code {ended.exit_code}"
        return CommandResult("failed", said or how, seconds, ended.exit_code)
    return CommandResult("ok", said, seconds, ended.exit_code)
