"""A quick reader for the plain headers that most tasks have.

It knows lines `key: text`, `key: [a, b]` and lists of `- text`. For anything
else it returns None, and the reader in `runr.tasks.frontmatter` decides: what
is read here reads the same there.
"""

import re

# A plain scalar ends before `: ` and ` #`; it begins with nothing that means something to YAML.
_LETTER = r"[A-Za-z0-9_./]|[^\x00-\x7f]"
_PLAIN = rf"(?:{_LETTER}|-(?=[0-9]))(?:(?!:(?: |$)| #).)*"
_QUOTED = r"""\"[^"\\\n]*\"|'[^'\n]*'"""
# In brackets, the signs of lists and mappings end it too.
_IN_LIST = rf"(?:{_LETTER})(?:(?! #)[^\[\]{{}},:?\"'\n])*"
_ITEM = rf"(?:{_QUOTED}|{_IN_LIST})"

_KEY_LINE = re.compile(
    rf"([A-Za-z_][A-Za-z0-9_-]{{0,99}}):(?: +(?:({_PLAIN})|({_QUOTED})|(\[.*\])))? *"
)
_ITEM_LINE = re.compile(rf"( *)- +(?:({_PLAIN})|({_QUOTED})) *")
_LIST = re.compile(rf"\[ *(?:{_ITEM} *(?:, *{_ITEM} *)*)?\]")
_ITEMS = re.compile(_ITEM)
_NULLS = frozenset({"null", "Null", "NULL"})

Value = str | list[str | None] | None


def read(header: str) -> dict[str, Value] | None:
    """Return the keys and values of a plain header; None for one that is not plain."""
    # All that YAML refuses, or takes for a line break or an indentation, is not printable.
    if not header.replace("\n", "").isprintable():
        return None
    values: dict[str, Value] = {}
    last, indent = "", ""
    for line in header.split("\n"):
        if found := _KEY_LINE.fullmatch(line):
            key, plain, quoted, listed = found.groups()
            if key in values:
                return None
            values[key] = _scalar(plain, quoted) if listed is None else _list(listed)
            if listed is not None and values[key] is None:
                return None
            last = "" if plain or quoted or listed else key
        elif last and (found := _ITEM_LINE.fullmatch(line)):
            items = values[last]
            if items is None:
                values[last] = items = []
                indent = found[1]
            if found[1] != indent or not isinstance(items, list):
                return None
            items.append(_scalar(found[2], found[3]))
        elif line.lstrip(" ")[:1] not in ("", "#"):
            return None
    return values


def _scalar(plain: str | None, quoted: str | None) -> str | None:
    if quoted is not None:
        return quoted[1:-1]
    text = (plain or "").rstrip(" ")
    return None if not text or text in _NULLS else text


def _list(text: str) -> list[str | None] | None:
    if not _LIST.fullmatch(text):
        return None
    items = _ITEMS.findall(text)
    return [item[1:-1] if item[0] in "\"'" else _scalar(item, None) for item in items]
