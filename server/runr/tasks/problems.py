"""What an author got wrong in a header's YAML, said with the line and what to write instead.

Pure.
"""

import re

from runr.tasks.model import Problem
from runr.text import shortened

# A plain YAML value cannot begin with these; `[` is left out, as it mostly is a list.
_SPECIAL = "*&@`%{!|>"
_MISPLACED = (",", "]", "}", "- ", "? ")
_ENTRY = re.compile(r"(\s*(?:- +)*(?:[^\s:#\"'\[{]+:\s+)?)(\S.*?)\s*$")
_PLAIN = {
    "could not find expected ':'": "this line is no `key: value`",
    "found unexpected end of stream": "a quote or bracket is opened and never closed",
    "mapping values are not allowed in this context": "the value contains a second `: `",
    "did not find expected ',' or ']'": "a `,` or the closing `]` is missing",
    "did not find expected ',' or '}'": "a `,` or the closing `}` is missing",
    "did not find expected node content": "a value is missing, or a bracket is never closed",
    "did not find expected key": "there is text after the value, or the indentation changes",
    "found unknown escape character": "`\\` means something in double quotes; use single quotes",
}
#: What is wrong between two documents, where the words of a value do not matter.
_ANOTHER = {
    "but found another document",
    "did not find expected <document start>",
}
#: What is said of the header of a task instead, which has its own end.
_OF_HEADER = {
    "could not find expected ':'": "this line is no `key: value`; a line `---` ends the header",
    "but found another document": "the header contains `---` or `...`",
}


def syntax_problem(
    lines: list[str], at: int, column: int, began: int, reason: str, *, in_header: bool = True
) -> Problem:
    """Return the problem of a header, or of a whole file, that is no YAML.

    The parser stopped for `reason` at `lines[at]`, counted from 0, in a value
    that began at `lines[began]`.
    """
    for index in (at, began):
        text = lines[index]
        if "\t" in text[: len(text) - len(text.lstrip())]:
            message = f"a tab indents {_quoted(text)}: YAML wants spaces"
            return Problem(code="tab", message=message, line=index + 1)
    if not in_header and reason in _ANOTHER:
        message = f"{_quoted(lines[at])} begins a second document: a file is to have one"
        return Problem(code="yaml_syntax", message=message, line=at + 1)
    for index in (at, began):
        # A whole file has mappings in braces, which a header has no use for.
        in_braces = not in_header and "{" in lines[index]
        if not in_braces and (advice := _advice(lines[index], column if index == at else None)):
            return _no_yaml(lines, index, advice)
    known = _PLAIN | _OF_HEADER if in_header else _PLAIN
    return _no_yaml(lines, began, known.get(reason, reason))


def alias_problem(text: str, sign: str) -> str:
    """Return what to say about `*name` or `&name`, which a header has no use for."""
    kind = "alias" if sign == "*" else "anchor"
    advice = _advice(text, None) or f"put quotes around the text that begins with `{sign}`"
    return f"{_quoted(text)} holds a YAML {kind}, which runr does not read: {advice}"


def _no_yaml(lines: list[str], index: int, advice: str) -> Problem:
    # The end of the text is no line that an author can look at.
    while index > 0 and not lines[index].strip():
        index -= 1
    message = f"{_quoted(lines[index])} is no YAML: {advice}"
    return Problem(code="yaml_syntax", message=message, line=index + 1)


def _advice(text: str, column: int | None) -> str | None:
    """Return what to write instead where a value lacks quotes."""
    if text.lstrip().startswith(tuple(_SPECIAL)):
        return f"put quotes around the text that begins with `{text.lstrip()[0]}`"
    entry = _ENTRY.match(text)
    if entry is None:
        return None
    before, value = entry.groups()
    if before.strip() and (
        value.startswith((*_SPECIAL, *_MISPLACED)) or (": " in value and value[0] not in "\"'[{")
    ):
        quote = "'" if '"' in value or "\\" in value else '"'
        inner = value.replace("'", "''") if quote == "'" else value
        return f"put the value in quotes, `{shortened(f'{before.strip()} {quote}{inner}{quote}')}`"
    if column is not None and text[column : column + 1] in set(_SPECIAL):
        return f"put quotes around the text that begins with `{text[column]}`"
    return None


def _quoted(text: str) -> str:
    return f"`{shortened(text.strip())}`"
