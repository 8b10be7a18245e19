"""A table put at the end of a TOML text or taken out; every other character stays. Pure.

What is written is read again: where a text is laid out so that the rest would change, ValueError.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

_HEADER = re.compile(r"^[ \t]*\[\[?([^\]\n]*)\]", re.MULTILINE)

Value = str | bool | Sequence[str]


def get(text: str, keys: Sequence[str]) -> Any:
    """Return the value at `keys`; None where there is none, ValueError where no table leads on."""
    found: Any = tomllib.loads(text)
    for key in keys:
        if not isinstance(found, dict):
            raise ValueError(f"{key} is not in a table")  # noqa: TRY004 -- about the text
        if key not in found:
            return None
        found = found[key]
    return found


def put(text: str, keys: Sequence[str], table: Mapping[str, Value]) -> str:
    """Add the table at the end; one that is there already is replaced."""
    clean = drop(text, keys)
    newline = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not clean.strip() else newline if clean.endswith("\n") else newline * 2
    lines = [f"[{'.'.join(keys)}]", *(f"{key} = {_written(table[key])}" for key in table)]
    return _checked(clean, clean + gap + newline.join([*lines, ""]), keys, table)


def drop(text: str, keys: Sequence[str]) -> str:
    """Take the table and those in it out, with the empty line above it."""
    if get(text, keys) is None:
        return text
    headers = [*_HEADER.finditer(text)]
    kept, at = "", 0
    for place, header in enumerate(headers):
        if [*map(str.strip, header[1].split("."))][: len(keys)] != [*keys]:
            continue
        following = headers[place + 1].start() if place + 1 < len(headers) else len(text)
        kept = _without_empty_line(kept + text[at : header.start()])
        at = header.start() + _length(text[header.start() : following])
    return _checked(text, kept + text[at:], keys, None)


def _length(block: str) -> int:
    """Return how much of a table is its own: comments at its end belong to what follows."""
    lines = block.splitlines(keepends=True)
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return len("".join(lines))


def _without_empty_line(text: str) -> str:
    for newline in ("\r\n", "\n"):
        if text.endswith(newline * 2):
            return text.removesuffix(newline)
    return text


def _written(value: Value) -> str:
    if isinstance(value, str):
        # Strings of JSON are strings of TOML, except for the character DEL.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"[{', '.join(map(_written, value))}]"


def _checked(
    before: str, after: str, keys: Sequence[str], table: Mapping[str, Value] | None
) -> str:
    try:
        read = tomllib.loads(after)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{'.'.join(keys)} cannot be set below inline tables") from error
    *above, last = keys
    if table is not None and get(after, keys) != dict(table):
        raise ValueError(f"{'.'.join(keys)} cannot be set")
    if _without(read, above, last) != _without(tomllib.loads(before), above, last):
        raise ValueError(f"{'.'.join(keys)} is not a table of its own")
    return after


def _without(document: dict[str, Any], above: Sequence[str], last: str) -> dict[str, Any]:
    """Return the document without the table, and without tables that are empty then."""
    if not above:
        return {key: value for key, value in document.items() if key != last}
    first, *rest = above
    inner = document.get(first)
    if not isinstance(inner, dict):
        return document
    left = _without(inner, rest, last)
    others = {key: value for key, value in document.items() if key != first}
    return {**others, first: left} if left else others
