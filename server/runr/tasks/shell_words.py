"""The words and operators of a shell command, as far as their meaning is plain. Pure."""

import re
from typing import NamedTuple


class UnclearError(Exception):
    """The command has something whose meaning is not followed: a substitution, a loop, a trap."""


class Token(NamedTuple):
    """A word or an operator.

    `plain` says that the shell takes the word as it is; `bare`, that nothing in it is quoted.
    """

    text: str
    is_word: bool = True
    plain: bool = True
    bare: bool = True


_OPERATOR = re.compile(r"&&|\|\||;;|>>|>&|<&|>\||[;&|()<>\n]")
_SPACE = re.compile(r"(?:[ \t]|\\\n)+")
_COMMENT = re.compile(r"#[^\n]*")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\w+|\{\w+\}|[?!@*#$-])")
_LITERAL = re.compile(r"[^\s;&|()<>'\"\\$`]+")

#: What is not followed: command substitutions, expansions that may fail, here-documents.
_UNFOLLOWED = re.compile(r"`|\$(?!\w+|\{\w+\}|[?!@*#$-])|<<|&>|\|&|;;")

#: The characters by which the shell makes other words of a word.
_EXPANDED = re.compile(r"[*?\[~{]")
_TESTS = ("[", "[[")


def split(command: str) -> list[Token]:
    """Return the tokens of a command; UnclearError where they are not plain."""
    tokens: list[Token] = []
    at = 0
    while at < len(command):
        if space := _SPACE.match(command, at) or _COMMENT.match(command, at):
            at = space.end()
        elif _UNFOLLOWED.match(command, at):
            raise UnclearError(command[at:])
        elif operator := _OPERATOR.match(command, at):
            tokens.append(Token(operator[0], is_word=False))
            at = operator.end()
        else:
            word, at = _word(command, at)
            tokens.append(word)
    return tokens


def _word(command: str, start: int) -> tuple[Token, int]:
    text, plain, bare, at = "", True, True, start
    while at < len(command):
        if found := _LITERAL.match(command, at):
            text += found[0]
            plain = plain and (found[0] in _TESTS or not _EXPANDED.search(found[0]))
        elif found := _SINGLE.match(command, at):
            text, bare = text + found[1], False
        elif found := _DOUBLE.match(command, at):
            plain = plain and not _has_variables(found[1])
            text, bare = text + re.sub(r"\\([$`\"\\\n])", r"\1", found[1]), False
        elif found := _VARIABLE.match(command, at):
            text, plain = text + found[0], False
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
    return Token(text, plain=plain, bare=bare), at


def _has_variables(quoted: str) -> bool:
    outside = re.sub(r"\\.", "", quoted, flags=re.DOTALL)
    if _UNFOLLOWED.search(re.sub(r"<<|&>|\|&|;;", "", outside)):
        raise UnclearError(quoted)
    return "$" in outside
