"""Which checks pass whatever the work is, so that they check nothing. Pure.

The text of the command decides. Where it is unclear it is a check: quoting, expansions,
redirections and compound commands are not followed.
"""

import re
import shlex
from collections.abc import Sequence

from runr.text import shortened

#: Without one of these no command is empty; most commands need no further look.
_SUSPECT = re.compile(r"\A\s*(?:$|[#:;]|\w+=|(?:/usr)?/bin/|true\b|exit\b|echo\b|printf\b)|\|\|")

#: What makes a command more than a sequence of words.
_INVOLVED = re.compile(r"[$`<>(){}!\\]|\b(?:set|trap|exec|eval|if|while|until|for|case)\b")

#: Programs that exit with 0, whatever their arguments are.
_IDLE = frozenset({":", "true", "echo", "printf"})

_FOLDERS = re.compile(r"\A(?:/usr)?/bin/")
_ASSIGNMENT = re.compile(r"\A[A-Za-z_]\w*=")
_SEPARATORS = frozenset({";", "&&", "||", "&", "|", ";;"})


def does_nothing(command: str) -> bool:
    """Tell whether the command does nothing and exits with 0: `# later`, `true`, `echo ok`."""
    if _SUSPECT.search(command) is None:
        return False
    parts = _parts(command)
    return parts is not None and all(_is_idle(words) for words in parts)


def cannot_fail(command: str) -> bool:
    """Tell whether the command always exits with 0: it does nothing, or ends in `|| true`."""
    if _SUSPECT.search(command) is None:
        return False
    if does_nothing(command):
        return True
    before, _, last = command.rpartition("||")
    if not before.strip() or _INVOLVED.search(command) or re.search(r"[;&\n]", before.strip()):
        return False
    return bool(last.strip()) and does_nothing(last)


def explain(command: str) -> str:
    """Say of a command that cannot fail that it is no check, with the command in front."""
    return f"`{shortened(command)}` passes whatever the work is"


def _parts(command: str) -> list[Sequence[str]] | None:
    """Return the words of each simple command; None where the text is more than such commands."""
    if _INVOLVED.search(_without_comments(command)):
        return None
    try:
        lines = [_words(line) for line in _without_comments(command).split("\n")]
    except ValueError:
        return None
    parts: list[Sequence[str]] = []
    for words in lines:
        part: list[str] = []
        for word in words:
            if word in _SEPARATORS:
                parts.append(part)
                part = []
            else:
                part.append(word)
        parts.append(part)
    return parts


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    return list(lexer)


def _without_comments(command: str) -> str:
    """Return the command without lines and ends of lines that are comments."""
    return re.sub(r"(?:(?<=\s)|\A)#[^\n'\"]*$", "", command, flags=re.MULTILINE)


def _is_idle(words: Sequence[str]) -> bool:
    rest = [*words]
    while rest and _ASSIGNMENT.match(rest[0]):
        rest.pop(0)
    if not rest:
        return True
    if rest[0] == "exit":
        return rest[1:] in ([], ["0"])
    return _FOLDERS.sub("", rest[0]) in _IDLE
