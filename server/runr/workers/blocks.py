"""The parts of a task's text that are scripts: fenced blocks marked `sh run`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MARK = ["sh", "run"]
_LIST_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])( {1,4})(?=\S)")
_FENCE = re.compile(r"(?P<fence>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)$")
# Indented further than this, a fence is the text of an indented block.
_INDENT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One script; `line` is where its fence stands, counted from 1."""

    line: int
    text: str
    closed: bool


def scripts(markdown: str) -> tuple[Block, ...]:
    """Return the blocks marked `sh run`, in order; those in an HTML comment do not count."""
    # Not `splitlines`: a form feed in a script ends no line.
    originals = [line.removesuffix("\r") for line in markdown.split("\n")]
    expanded = [line.expandtabs(4) for line in originals]
    return tuple(_scripts(enumerate(expanded, start=1), originals))


def _scripts(lines: Iterator[tuple[int, str]], originals: list[str]) -> Iterator[Block]:
    items = [0]
    for number, line in lines:
        rest = _inside_items(line, items)
        if rest.startswith("<!--"):
            _skip_comment(rest, lines)
            continue
        fence = _FENCE.match(rest.lstrip(" "))
        indent = len(line) - len(rest.lstrip(" "))
        if fence is None or indent - items[-1] > _INDENT:
            continue
        text, closed = _body(fence["fence"], indent, items[-1], lines, originals)
        if fence["info"].split() == _MARK:
            yield Block(line=number, text=text, closed=closed)


def _inside_items(line: str, items: list[int]) -> str:
    """Return what stands in the innermost list item, and keep count of where items begin."""
    rest = line.lstrip(" ")
    if not rest:
        return rest
    indent = len(line) - len(rest)
    while items[-1] > indent:
        items.pop()
    while indent - items[-1] <= _INDENT and (item := _LIST_ITEM.match(rest)):
        indent += item.end()
        items.append(indent)
        rest = rest[item.end() :]
    return line[items[-1] :]


def _skip_comment(rest: str, lines: Iterator[tuple[int, str]]) -> None:
    if "-->" not in rest:
        next((number for number, line in lines if "-->" in line), None)


def _body(
    fence: str, indent: int, item: int, lines: Iterator[tuple[int, str]], originals: list[str]
) -> tuple[str, bool]:
    """Return the text up to the closing fence, and whether there is one in the list item."""
    body: list[str] = []
    for number, line in lines:
        stripped = line.strip(" ")
        begins = len(line) - len(line.lstrip(" "))
        if stripped and begins < item:
            break
        closes = stripped.startswith(fence) and not stripped.strip(fence[0])
        if closes and begins <= indent + _INDENT:
            return "".join(body), True
        body.append(_dedent(originals[number - 1], indent) + "\n")
    return "".join(body), False


def _dedent(line: str, indent: int) -> str:
    """Take away what the fence was indented by; tabs of a here-document stay tabs."""
    blank = len(line) - len(line.lstrip(" "))
    return line[min(blank, indent) :]
