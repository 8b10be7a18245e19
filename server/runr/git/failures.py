"""What git says when it fails, as errors that a user can act on."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from runr.errors import GitError
from runr.next_steps import commands
from runr.next_steps.step import NextStep

#: As many characters of a command are shown.
_SHOWN = 100


def describe(path: Path, args: Sequence[str], err: str) -> GitError:
    """Return the error of git `args` in git's own words, with the commands that it advises."""
    if "this operation must be run in a work tree" in err:
        return called_bare(path)
    message = complaint(err)
    if "not a git repository" in message and (path / ".git").exists():
        message += "; its .git is damaged: look at HEAD, objects and refs in it"
    command = shlex.join(args)
    shown = command if len(command) <= _SHOWN else f"{command[:_SHOWN]}…"
    return GitError(
        f"git {shown} failed in {path}: {message}",
        next_steps=[NextStep(script=remedy) for remedy in remedies(err)],
    )


def called_bare(path: Path) -> GitError:
    """Return the error of a working tree that `core.bare` keeps git from using."""
    return GitError(
        f"core.bare is true, so git does not touch the files in {path}",
        next_steps=[commands.unset_bare()],
    )


def unending(path: Path, args: Sequence[str], limit: float) -> GitError:
    """Return the error of a git that was ended after `limit` seconds."""
    return GitError(
        f"git {args[0]} in {path} did not end within {limit:g} s, and was ended: "
        "a filter, a remote file system or another program may hold it",
        next_steps=[commands.git("-C", str(path), *args)],
    )


def complaint(err: str) -> str:
    """Return what git complained about, in at most two of its lines."""
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    marked = [line for line in lines if line.startswith(("fatal:", "error:"))]
    others = [line for line in lines if not line.startswith(("hint:", "warning:"))]
    # What git ends with is what it could not do; the lines before lead to it.
    return " ".join(marked[-2:] or others[:2]) or "git gave no reason"


def remedies(err: str) -> tuple[str, ...]:
    """Return the commands that git's message advises."""
    lines = (line.removeprefix("hint:") for line in err.splitlines())
    return tuple(line.strip() for line in lines if re.match(r"\s+git \S", line))
