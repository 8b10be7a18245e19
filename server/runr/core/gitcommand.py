"""A `git commit` inside a shell command: found, and given trailers, where both are plain."""

import re
from collections.abc import Sequence

# What the shell takes for one piece: a quoted string, an operator, or a run of other characters.
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


def stamped(command: str, trailers: Sequence[str]) -> str | None:
    """Return `command` with the trailers on its first `git commit`; None where there is none.

    Whatever stands behind a here-document is not looked at. `trailers` are
    made of letters, digits and `-:` only, with one blank.
    """
    end = _commit(command)
    if end is None:
        return None
    options = "".join(f" --trailer '{trailer}'" for trailer in trailers)
    return command[:end] + options + command[end:]


def _commit(command: str) -> int | None:
    """Return where the words `git commit` end, if they are a command."""
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
    """Tell whether these words begin a command of git's and leave its name open."""
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
