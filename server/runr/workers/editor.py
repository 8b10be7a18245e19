"""The user's own editor, on the user's own terminal."""

import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from runr.errors import UsageError


def command(environment: Mapping[str, str]) -> list[str]:
    """Return the program with its arguments; UsageError where there is none."""
    for name in ("VISUAL", "EDITOR"):
        if environment.get(name, "").strip():
            return _split(name, environment)
    raise UsageError("no editor is set: put its name into VISUAL or EDITOR")


def edit(words: list[str], file: Path) -> int:
    """Open `file` and wait until the editor is closed; return its exit code."""
    # Not through `process`: an editor needs the terminal, and nobody else may read it meanwhile.
    return subprocess.run([*words, str(file)], check=False).returncode


def _split(name: str, environment: Mapping[str, str]) -> list[str]:
    try:
        words = shlex.split(environment[name])
    except ValueError as error:
        raise UsageError(f"{name} cannot be read as a command: {error}") from None
    if not words or shutil.which(words[0], path=environment.get("PATH")) is None:
        raise UsageError(f"{name} names the editor {environment[name]!r}, which is not installed")
    return words
