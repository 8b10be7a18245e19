"""The version that a worker's program says it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio

from runr.errors import WorkerUnavailableError
from runr.workers import process

_PATIENCE_S = 20
_LONGEST = 80


def ask(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> str | None:
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
