"""Trailers for the commits of a session: in a shell command, or by git's environment."""

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from runr import nofollow
from runr.claude.context import HookContext
from runr.storage.layout import Layout

# A token of the shell: a quoted string, an operator, or a sequence of other characters.
_PIECE = re.compile(
    r"""
      (?P<blank>[ \t]+ | \\\n)
    | (?P<next>&&? | \|\|? | ;+ | \n | [(){}])
    | (?P<here><<)
    | (?P<word>(?: '[^']*' | "(?:\\.|[^"\\])*" | \\. | [^\s;&|(){}<'"\\] | <(?!<) )+)
    """,
    re.VERBOSE | re.DOTALL,
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
#: Options of git itself that take a word.
_WITH_WORD = ("-C", "-c", "--git-dir", "--work-tree", "--namespace")


def with_trailers(command: str, trailers: Sequence[str]) -> str | None:
    """Return `command` with the trailers on its first `git commit`; None where there is none.

    Everything after a here-document is ignored. `trailers` consist of letters,
    digits and `-:` only, with one blank.
    """
    end = _commit(command)
    if end is None:
        return None
    options = "".join(f" --trailer '{trailer}'" for trailer in trailers)
    return command[:end] + options + command[end:]


def _commit(command: str) -> int | None:
    """Return the offset after the words `git commit`, if they are a command."""
    words: list[str] = []
    position = 0
    while piece := _PIECE.match(command, position):
        position = piece.end()
        if piece["here"]:
            return None
        if piece["next"]:
            words = []
        if piece["word"]:
            words.append(piece["word"])
            if piece["word"] == "commit" and _is_git(words[:-1]):
                return position
    return None


def _is_git(words: Sequence[str]) -> bool:
    """Tell whether these words are `git` and its options, without a subcommand."""
    left = list(words)
    while left and _ASSIGNMENT.match(left[0]):
        left.pop(0)
    if not left or left.pop(0) != "git":
        return False
    while left:
        option = left.pop(0)
        if option in _WITH_WORD and left:
            left.pop(0)
        elif not option.startswith("-"):
            return False
    return True


def add_trailers(context: HookContext) -> None:
    """Write git's variables into the file that Claude Code reads for every command of the session.

    Nothing is written where the git hooks are installed, the settings forbid it, or the repository
    is a linked worktree with a record of its own.
    """
    file = context.environment.get("CLAUDE_ENV_FILE")
    common = context.layout.root / ".git"
    if not file or not common.is_dir() or (common / "runr" / "receipt.json").exists():
        return
    if not _is_allowed(context.layout):
        return
    # Only the start of a session needs it.
    from runr.git.hooks import (  # noqa: PLC0415 - see above
        injection_folder,
        injection_variables,
        is_filled,
    )

    hooks = injection_folder(common)
    if not is_filled(hooks, sys.executable):
        _fill(context.layout.root)
    wanted = injection_variables(hooks, context.environment)
    lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in wanted.items())
    with Path(file).open("a", encoding="utf-8", errors="surrogateescape") as exports:
        exports.write(lines)


def _is_allowed(layout: Layout) -> bool:
    """Tell whether the settings allow it, without loading their model."""
    try:
        text = nofollow.read(layout.config).decode()
    except FileNotFoundError:
        return True
    if "inject" not in text:
        return True
    import tomllib  # noqa: PLC0415 - few settings mention it

    match tomllib.loads(text):
        case {"provenance": {"inject": False}}:
            return False
    return True


def _fill(root: Path) -> None:
    # Once in a repository, and after every new version.
    from runr.git.hooks import HooksFolder  # noqa: PLC0415 - see above
    from runr.git.repo import Repo  # noqa: PLC0415 - see above

    HooksFolder(Repo(root)).fill(sys.executable)
