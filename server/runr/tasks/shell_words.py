"""The words and operators of a shell command, as far as their meaning is plain. Pure."""

import re
from typing import NamedTuple


class UnclearError(Exception):
    """The command has something whose meaning is not followed: a substitution, a loop, a trap."""


class Token(NamedTuple):
    """A word or an operator.

    `plain` says that the shell takes the word as it is; `bare`, that nothing in it is quoted;
    `substitutes`, that what a command prints is a part of it.
    """

    text: str
    is_word: bool = True
    plain: bool = True
    bare: bool = True
    substitutes: bool = False


_OPERATOR = re.compile(r"&&|\|\||\|&|;;|>>|>&|<&|>\||[;&|()<>\n]")
_SPACE = re.compile(r"(?:[ \t]|\\\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_QUOTES = (_SINGLE, _DOUBLE, _ESCAPED)
_VARIABLE = re.compile(r"\$(?:\w+|\{\w+\}|[?!@*#$-])")
_LITERAL = re.compile(r"[^\s;&|()<>'\"\\$`]+")

_SUBSTITUTION = re.compile(r"`|\$\((?!\()")
_BACKTICKS = re.compile(r"`(?:[^`\\]|\\.)*`", re.DOTALL)
#: A word that prints nothing and succeeds, so that the shell goes on as if it were not there.
_NOTHING = re.compile(
    r"(?:\$\([ \t]*(?:true|:)?[ \t]*\)|`[ \t]*(?:true|:)?[ \t]*`)(?=[ \t\n;&|)]|\Z)"
)
#: What a substitution is replaced by, which is no word of a command that is known.
_SUBSTITUTED = "$()"
#: What makes it unclear where a substitution ends.
_NESTED = re.compile(r"\bcase\b|(?<!\S)#|<<")

#: What is not followed: expansions that may fail, arithmetic, here-documents.
_UNFOLLOWED = re.compile(r"\$(?!\w+|\{\w+\}|[?!@*#$-]|\((?!\())|<<|&>|;;")

#: The characters by which the shell makes other words of a word.
_EXPANDED = re.compile(r"[*?\[~{]")
_TESTS = ("[", "[[")


def split(command: str) -> list[Token]:
    """Return the tokens of a command; UnclearError where they are not plain."""
    tokens: list[Token] = []
    at = 0
    while at < len(command):
        if nothing := _first_match(command, at, _SPACE, _COMMENT, _NOTHING):
            at = nothing.end()
        elif _UNFOLLOWED.match(command, at):
            raise UnclearError(command[at:])
        elif operator := _OPERATOR.match(command, at):
            tokens.append(Token(operator[0], is_word=False))
            at = operator.end()
        else:
            word, at = _word(command, at)
            tokens.append(word)
    return tokens


def _first_match(command: str, at: int, *patterns: re.Pattern[str]) -> re.Match[str] | None:
    return next(filter(None, (each.match(command, at) for each in patterns)), None)


def _word(command: str, start: int) -> tuple[Token, int]:
    text, plain, bare, substitutes, at = "", True, True, False, start
    while at < len(command):
        if found := _LITERAL.match(command, at):
            text += found[0]
            plain = plain and (found[0] in _TESTS or not _EXPANDED.search(found[0]))
        elif found := _SINGLE.match(command, at):
            text, bare = text + found[1], False
        elif found := _DOUBLE.match(command, at):
            known, printed = _in_quotes(found[1])
            plain, substitutes = plain and known, substitutes or printed
            text, bare = text + re.sub(r"\\([$`\"\\\n])", r"\1", found[1]), False
        elif found := _VARIABLE.match(command, at):
            text, plain = text + found[0], False
        elif _SUBSTITUTION.match(command, at):
            text, plain, substitutes = text + _SUBSTITUTED, False, True
            at = _end_of_substitution(command, at)
            continue
        elif command.startswith("\\\n", at):
            at += 2
            continue
        elif found := _ESCAPED.match(command, at):
            text, bare = text + found[1], False
        else:
            break
        at = found.end()
    if at == start or _UNFOLLOWED.match(command, at):
        raise UnclearError(command[at:])  # a quote without its end, too
    return Token(text, plain=plain, bare=bare, substitutes=substitutes), at


def _in_quotes(quoted: str) -> tuple[bool, bool]:
    """Tell whether what is in double quotes stays as it is, and whether it has a substitution."""
    outside = re.sub(r"\\.", "", quoted, flags=re.DOTALL)
    substitutes = False
    while found := _SUBSTITUTION.search(outside):
        end = _end_of_substitution(outside, found.start())
        outside, substitutes = f"{outside[: found.start()]}$_{outside[end:]}", True
    if _UNFOLLOWED.search(re.sub(r"<<|&>|;;", "", outside)):
        raise UnclearError(quoted)
    return "$" not in outside, substitutes


def _end_of_substitution(command: str, start: int) -> int:
    """Return where a substitution ends that begins at `start`."""
    if command[start] == "`":
        if found := _BACKTICKS.match(command, start):
            return found.end()
        raise UnclearError(command[start:])
    at, depth = start + 2, 1
    while depth and at < len(command):
        if found := _first_match(command, at, *_QUOTES):
            at = found.end()
            continue
        depth += {"(": 1, ")": -1}.get(command[at], 0)
        at += 1
    if depth or _NESTED.search(command, start + 2, at):
        raise UnclearError(command[start:])
    return at
