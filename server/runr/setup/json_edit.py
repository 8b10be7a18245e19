"""A member or an element put into a JSON text or taken out; every other character stays.

Comments and trailing commas stay, too: offsets are those of the text without them. Pure.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

_SPACE = re.compile(r"[ \t\r\n]*")
_INDENTED = re.compile(r"\n([ \t]+)\S")
_DECODER = json.JSONDecoder()
# Of two alternatives the one that starts first wins, so a text that looks like a comment is kept.
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r'"(?:[^"\\\n]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)
_VISIBLE = re.compile(r"\S")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """A key with its value; offsets into the text."""

    key: str
    start: int
    value: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """An object, or an array whose keys are its places; offsets of the braces."""

    start: int
    members: tuple[_Member, ...]
    close: int
    array: bool = False

    def find(self, key: str) -> int | None:
        """Return the place of the member that counts: of equal keys the last."""
        places = [place for place, member in enumerate(self.members) if member.key == key]
        return places[-1] if places else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """How far a path of keys leads: `rest` is not there yet, or is the member at `place`."""

    table: _Table
    place: int | None
    rest: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """How a text is laid out where a value goes; `indent` is None on a single line."""

    indent: str | None
    unit: str
    newline: str
    minified: bool

    def member(self, key: str, value: object) -> str:
        colon = ":" if self.minified else ": "
        return json.dumps(key, ensure_ascii=False) + colon + self.value(value)

    def value(self, value: object) -> str:
        if self.indent is None:
            separators = (",", ":") if self.minified else (", ", ": ")
            return json.dumps(value, ensure_ascii=False, separators=separators)
        lines = json.dumps(value, ensure_ascii=False, indent=self.unit)
        return lines.replace("\n", self.newline + self.indent)


def blank_comments(text: str) -> str:
    """Return the text with a space for each character of a comment and each trailing comma.

    Every offset and line stays; a text without comments comes back unchanged.
    """
    return _TRAILING.sub(_blank, _TOKEN.sub(_blank, text))


def _blank(token: re.Match[str]) -> str:
    return token[0] if token[0].startswith('"') else _VISIBLE.sub(" ", token[0])


def put(text: str, keys: Sequence[str], value: object) -> str:
    """Set the member at `keys`, laid out as its neighbours are; missing tables are made.

    The text has to be valid JSON; ValueError where something on the way is no object.
    """
    found = _find(text, keys)
    if found.place is not None:
        member = found.table.members[found.place]
        written = _layout(text, found.table).value(value)
        return text[: member.value] + written + text[member.end :]
    for key in reversed(found.rest[1:]):
        value = {key: value}
    return _inserted(text, found.table, found.rest[0], value)


def drop(text: str, keys: Sequence[str]) -> str:
    """Take the member at `keys` out; where there is none the text comes back unchanged."""
    found = _find(text, keys)
    if found.place is None:
        return text
    cut = _cut(text, found.table, found.place)
    # Of equal keys, the one before would come to count.
    return cut if found.table.array else drop(cut, keys)


def append(text: str, keys: Sequence[str], value: object) -> str:
    """Add an element to the array at `keys`, which is made where it is missing.

    ValueError where there is something else.
    """
    found = _find(text, keys)
    if found.place is None:
        return put(text, keys, [value])
    table = _table(blank_comments(text), found.table.members[found.place].value, f'"{keys[-1]}"')
    if not table.array:
        raise ValueError(f'"{keys[-1]}" is not an array')
    return _inserted(text, table, "", value) if table.members else put(text, keys, [value])


def remove(text: str, keys: Sequence[str], value: object) -> str:
    """Take the last element that equals `value` out of the array at `keys`, if there is one."""
    found = _find(text, keys)
    if found.place is None:
        return text
    plain = blank_comments(text)
    table = _table(plain, found.table.members[found.place].value, f'"{keys[-1]}"')
    equal = [
        place
        for place, member in enumerate(table.members)
        if table.array and json.loads(plain[member.value : member.end]) == value
    ]
    return _cut(text, table, equal[-1]) if equal else text


def _cut(text: str, table: _Table, place: int) -> str:
    """Return the text without a member, and without what divided it from its neighbour."""
    members, member = table.members, table.members[place]
    if len(members) == 1:
        start, end = table.start + 1, table.close
    elif place == 0:
        start, end = member.start, members[1].start
    else:
        start, end = members[place - 1].end, member.end
    kept = _comments(text[start : member.start]) + _comments(text[member.end : end])
    if len(members) > 1:
        kept = kept.rstrip() if place else kept.lstrip()
    return text[:start] + kept + text[end:]


def _comments(between: str) -> str:
    """Return what divides two members, without its comma; nothing where it has no comment."""
    comma = blank_comments(between + "x").find(",")
    without = between if comma < 0 else between[:comma] + between[comma + 1 :]
    return without if without.strip() else ""


def _inserted(text: str, table: _Table, key: str, value: object) -> str:
    layout = _layout(text, table)
    written = layout.value(value) if table.array else layout.member(key, value)
    if table.members:
        comma = "," if layout.minified else ", "
        before = comma if layout.indent is None else f",{layout.newline}{layout.indent}"
        end = table.members[-1].end
        after = text[end : table.close]
        comments = _comments(after).rstrip()
        if comments and layout.indent is not None:
            last = after[len(after.rstrip()) :]
            start = layout.newline + layout.indent
            return f"{text[:end]},{comments}{start}{written}{last}{text[table.close :]}"
        return text[:end] + before + written + text[end:]
    comments = text[table.start + 1 : table.close].rstrip()
    if layout.indent is not None:
        closing = layout.newline + _line_indent(text, table.start)
        written = layout.newline + layout.indent + written
        return text[: table.start + 1] + written + comments + closing + text[table.close :]
    return text[: table.start + 1] + written + comments + text[table.close :]


def _layout(text: str, table: _Table) -> _Layout:
    """Return the layout of the table's members, or for an empty one what suits the text."""
    indented = _INDENTED.search(text)
    unit = indented.group(1) if indented else "  "
    indent: str | None
    if table.members:
        gap = text[table.start + 1 : table.members[0].start]
        indent = gap.rpartition("\n")[2] if "\n" in gap else None
    else:
        alone = not text[: table.start].strip()
        multiline = "\n" in text.strip() or alone
        indent = _line_indent(text, table.start) + unit if multiline else None
    return _Layout(
        indent=indent,
        unit=unit,
        newline="\r\n" if "\r\n" in text else "\n",
        minified='":' in text and '": ' not in text,
    )


def _line_indent(text: str, offset: int) -> str:
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _find(commented: str, keys: Sequence[str]) -> _Found:
    text = blank_comments(commented)
    table = _table(text, _skip(text, 0), "the top level")
    for depth, key in enumerate(keys[:-1]):
        place = table.find(key)
        if place is None:
            return _Found(table=table, place=None, rest=keys[depth:])
        table = _table(text, table.members[place].value, f'"{key}"')
    return _Found(table=table, place=table.find(keys[-1]), rest=keys[-1:])


def _table(text: str, start: int, name: str) -> _Table:
    if text[start] == "[":
        return _array(text, start)
    if text[start] != "{":
        raise ValueError(f"{name} is not an object")
    members = []
    at = _skip(text, start + 1)
    while text[at] != "}":
        key, end = _DECODER.raw_decode(text, at)
        value = _skip(text, _skip(text, end) + 1)
        end = _DECODER.raw_decode(text, value)[1]
        members.append(_Member(key=key, start=at, value=value, end=end))
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return _Table(start=start, members=tuple(members), close=at)


def _array(text: str, start: int) -> _Table:
    members: list[_Member] = []
    at = _skip(text, start + 1)
    while text[at] != "]":
        end = _DECODER.raw_decode(text, at)[1]
        members.append(_Member(key=str(len(members)), start=at, value=at, end=end))
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return _Table(start=start, members=tuple(members), close=at, array=True)


def _skip(text: str, at: int) -> int:
    """Return the offset of the first character that is not white space."""
    found = _SPACE.match(text, at)
    return found.end() if found else at
