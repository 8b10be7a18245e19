"""A task file's bytes as text, and where its header ends and its body begins. Pure."""

import re
from typing import NamedTuple

from runr.tasks.model import Problem

# Nothing that people write by hand comes near; YAML's worst cases stay harmless below it.
HEADER_LIMIT = 64 * 1024

# The boundary of python-frontmatter, without its appetite for the blank lines that follow:
# those would shift the line numbers.
BOUNDARY = re.compile(r"^-{3,}[ \t]*$", re.MULTILINE)
_OPENING = re.compile(r"\s*(-{3,})[ \t]*(?:\n|\Z)")
# Each with the line break before it, by which it is found several times as fast.
_CLOSING = re.compile(r"\n---+[ \t]*$", re.MULTILINE)
_DOTS = re.compile(r"\n\.\.\.[ \t]*$", re.MULTILINE)


class Source(NamedTuple):
    """The two parts of a task file, with LF line ends.

    `header` is the text between its `---` lines, or None without a header
    that could be read. `opened` is the file line of the opening `---`.
    """

    header: str | None = None
    opened: int = 1
    body: str = ""
    problems: tuple[Problem, ...] = ()


def split(content: bytes) -> Source:
    """Return header and body of `content`, and what is wrong with the file around them."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        text = content.decode(errors="replace").removeprefix("\ufeff")
        return Source(body=_unix(text).strip("\n"), problems=(_not_utf8(content, error),))
    problems = []
    if text.startswith("\ufeff"):
        text = text[1:]
        message = "the file begins with a byte order mark (BOM): save it as UTF-8 without one"
        problems.append(Problem(code="bom", message=message, line=1, severity="warning"))
    if "\r" in text:
        line = text.count("\n", 0, text.index("\r")) + 1
        message = "lines end with CR (Windows line ends): save the file with LF"
        problems.append(Problem(code="crlf", message=message, line=line, severity="warning"))
        text = _unix(text)
    return _parts(text, problems)


def _parts(text: str, problems: list[Problem]) -> Source:
    opening = _OPENING.match(text)
    if opening is None:
        return Source(body=text.strip("\n"), problems=tuple(problems))
    opened = text.count("\n", 0, opening.start(1)) + 1
    begin = opening.end() - 1
    closing = _CLOSING.search(text, begin)
    dots = _DOTS.search(text, begin, closing.start() if closing else len(text))
    if closing is None or dots is not None:
        message = "the header is never closed: put a line `---` below its last key"
        if dots is not None:
            line = text.count("\n", 0, dots.start()) + 2
            message = f"the header is never closed: write `---` on line {line} instead of `...`"
        problems.append(Problem(code="unclosed_header", message=message, line=opened))
        return Source(body=text[opening.end() :].strip("\n"), problems=tuple(problems))
    header, body = text[opening.end() : closing.start() + 1], text[closing.end() :].strip("\n")
    if len(header) > HEADER_LIMIT:
        message = f"the header is longer than {HEADER_LIMIT // 1024} KiB: move its text to the body"
        problems.append(Problem(code="header_too_large", message=message, line=opened))
        return Source(body=body, problems=tuple(problems))
    return Source(header=header, opened=opened, body=body, problems=tuple(problems))


def _not_utf8(content: bytes, error: UnicodeDecodeError) -> Problem:
    byte, line = content[error.start], content.count(b"\n", 0, error.start) + 1
    message = f"the file is not UTF-8 (byte 0x{byte:02x} at offset {error.start}): save it as UTF-8"
    return Problem(code="not_utf8", message=message, line=line)


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
