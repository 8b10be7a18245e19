"""A quick reader for the plain headers that most tasks have.

It knows lines `key: text`, `key: [a, b]` and lists of `- text`. For anything
else it returns None, and the reader in `runr.tasks.frontmatter` decides: what
is read here reads the same there.
"""

import re

# A plain scalar ends before `: ` and ` #`; it begins with nothing that means something to YAML.
_LETTER = r"[A-Za-z0-9_./]|[^\x00-\x7f]"
_PLAIN = rf"(?:{_LETTER}|-(?=[0-9]))[^:#\n]*(?:(?::(?! |$)|(?<! )#)[^:#\n]*)*"
_QUOTED = r"""\"[^"\\\n]*\"|'[^'\n]*'"""
# In brackets, the signs of lists and mappings end it too.
_SIGNS = r"\[\]{},:?\"'\n"
_IN_LIST = rf"(?:{_LETTER})[^{_SIGNS}#]*(?:(?<! )#[^{_SIGNS}#]*)*"
_ITEM = rf"(?:{_QUOTED}|{_IN_LIST})"

_KEY = rf"([A-Za-z_][A-Za-z0-9_-]{{0,99}}):(?: +(?:({_PLAIN})|({_QUOTED})|(\[.*\])))? *"
_LISTED = rf"( *)- +(?:({_PLAIN})|({_QUOTED})) *"
# All lines in one search: a key, an item of a list, or nothing but a comment.
_LINES = re.compile(rf"^(?:{_KEY}|{_LISTED}| *(?:#.*)?)$", re.MULTILINE)
_LIST = re.compile(rf"\[ *(?:{_ITEM} *(?:, *{_ITEM} *)*)?\]")
_ITEMS = re.compile(_ITEM)
_NULLS = frozenset({"", "null", "Null", "NULL"})

Value = str | list[str | None] | None


def read(header: str) -> dict[str, Value] | None:
    """Return the keys and values of a plain header; None for one that is not plain."""
    # All that YAML refuses, or takes for a line break or an indentation, is not printable.
    if not header.replace("\n", "").isprintable():
        return None
    lines = _LINES.findall(header)
    if len(lines) <= header.count("\n"):
        return None  # one of them is of another form
    values: dict[str, Value] = {}
    last, margin = "", ""
    for key, plain, quoted, listed, indent, item, quoted_item in lines:
        if key:
            if key in values:
                return None
            values[key] = value = _list(listed) if listed else _scalar(plain, quoted)
            if listed and value is None:
                return None
            last = "" if plain or quoted or listed else key
        elif item or quoted_item:
            items = values[last] if last else ""
            if items is None:
                values[last] = items = []
                margin = indent
            if indent != margin or not isinstance(items, list):
                return None
            items.append(_scalar(item, quoted_item))
    return values


def _scalar(plain: str, quoted: str) -> str | None:
    if quoted:
        return quoted[1:-1]
    text = plain.rstrip(" ")
    return None if text in _NULLS else text


def _list(text: str) -> list[str | None] | None:
    if not _LIST.fullmatch(text):
        return None
    if "'" in text or '"' in text:
        items = _ITEMS.findall(text)
        return [item[1:-1] if item[0] in "\"'" else _scalar(item, "") for item in items]
    bare = text[1:-1].strip(" ")
    # Without quotes, each comma separates two items.
    items = bare.split(",") if bare else []
    return [None if (item := each.strip(" ")) in _NULLS else item for each in items]
