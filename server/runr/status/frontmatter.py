"""The status in a task file's header: written without touching any other byte, and read back."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from runr.config import loader
from runr.errors import RunrError
from runr.status.model import UNTOUCHED, Entry, State
from runr.storage import files
from runr.storage.files import ChangedMeanwhileError
from runr.storage.layout import Layout
from runr.tasks import parser, repository
from runr.tasks.document import split
from runr.tasks.fields import STATUS_KEYS
from runr.tasks.model import Problem

#: In the order in which they are written.
KEYS = ("status", "completed_at", "completed_by", "completed_commit")

_BOM = b"\xef\xbb\xbf"
_BOUNDARY = re.compile(rb"\s*-{3,}[ \t]*[\r\n]*")
_KEY = re.compile(
    rb"""(["']?)([a-z_]+)\1[ \t]*:(?=[ \t\r\n]|\Z)[ \t]*"""
    rb"""([^\r\n]*?)([ \t]+#[^\r\n]*)?[ \t]*[\r\n]*\Z"""
)
_EOL = re.compile(rb"\r\n|\r|\n")
_GOES_ON = re.compile(rb"[ \t]+[^\s]|- |-[\r\n]")
_PLAIN = re.compile(r"[A-Za-z0-9](?:[\w.@/+ -]|:(?=\S))*(?<! )")


def status_keys(entry: Entry) -> dict[str, str | None]:
    """Return the lines that the entry asks for; None for one that must not be there."""
    done = entry.status is State.COMPLETED
    facts = (
        entry.status.value,
        entry.completed_at if done else None,
        entry.completed_by if done else None,
        entry.checkpoint_sha if done else None,
    )
    return dict(zip(KEYS, facts, strict=True))


def read(content: bytes) -> dict[str, str]:
    """Return the status keys of the header in `content`, none where it cannot be read."""
    source = split(content)
    if not (source.header or "").strip():
        return {}
    # As in `core.taskfile`: a file without a header need not pay for YAML.
    from runr.tasks import frontmatter  # noqa: PLC0415 - see above

    found = frontmatter.read(source.header or "", source.opened)
    if isinstance(found, Problem):
        return {}
    return {
        key: value
        for key, value in found.values.items()
        if key in STATUS_KEYS and isinstance(value, str)
    }


def with_status_keys(content: bytes, lines: Mapping[str, str | None]) -> bytes | None:
    """Return `content` with these lines in its header, every other byte as it was.

    None where that cannot be done: the header is not closed or no YAML, or its
    status keys are no plain lines.
    """
    made = _edited(content, lines)
    if made is None or made == content:
        return made
    before, after = parser.parse("", content), parser.parse("", made)
    if [p.code for p in before.problems] != [p.code for p in after.problems]:
        return None
    said = {key: value for key, value in lines.items() if value is not None}
    same = (before.sha256, before.title) == (after.sha256, after.title)
    return made if same and read(made) == said else None


def _edited(content: bytes, wanted_lines: Mapping[str, str | None]) -> bytes | None:
    start = len(_BOM) if content.startswith(_BOM) else 0
    lines = content[start:].splitlines(keepends=True)
    opened = next((n for n, line in enumerate(lines) if line.strip()), None)
    if opened is None or not _BOUNDARY.fullmatch(lines[opened]):
        return content[:start] + _whole(content, wanted_lines) + content[start:]
    behind = range(opened + 1, len(lines))
    closed = next((n for n in behind if _is_boundary(lines[n])), None)
    if closed is None:
        return None
    header = _header(lines[opened + 1 : closed], wanted_lines, _eol(lines[opened]))
    return content[:start] + b"".join([*lines[: opened + 1], *header, *lines[closed:]])


def _is_boundary(line: bytes) -> bool:
    return line.startswith(b"-") and _BOUNDARY.fullmatch(line) is not None


def _whole(content: bytes, lines: Mapping[str, str | None]) -> bytes:
    """Return a header for a file that has none."""
    eol = _eol(content)
    inside = [_line(key, value, eol) for key, value in lines.items() if value is not None]
    return b"".join([b"---" + eol, *inside, b"---" + eol])


def _header(
    lines: Sequence[bytes], wanted_lines: Mapping[str, str | None], eol: bytes
) -> list[bytes]:
    """Return the header's lines with those that are wanted in their old places, or at the end."""
    kept: list[bytes] = []
    missing = {key: value for key, value in wanted_lines.items() if value is not None}
    place = 0
    last = None
    while place < len(lines):
        found = _KEY.match(lines[place])
        key = found[2].decode() if found else ""
        end = _end(lines, place) if key in wanted_lines else place + 1
        if found is None or key not in wanted_lines:
            kept += lines[place:end]
        elif key in missing:
            kept += _replaced(lines[place:end], missing.pop(key))
            last = len(kept)
        place = end
    fresh = [_line(key, value, eol) for key, value in missing.items()]
    at = len(kept) if last is None else last
    return [*kept[:at], *fresh, *kept[at:]]


def _end(lines: Sequence[bytes], place: int) -> int:
    """Return the line behind a key and all that belongs to its value."""
    end = place + 1
    while end < len(lines) and _GOES_ON.match(lines[end]):
        end += 1
    return end


def _replaced(lines: Sequence[bytes], value: str) -> list[bytes]:
    """Return a key's lines with another value; one that has it already stays as it is."""
    found = _KEY.match(lines[0])
    eol = _eol(lines[0])
    if found is None or found[3] == _scalar(value):
        return list(lines)
    name = found[1] + found[2] + found[1]
    comment = found[4] or b"" if len(lines) == 1 and found[3][:1] not in b"\"'|>" else b""
    return [name + b": " + _scalar(value) + comment + eol]


def _line(key: str, value: str, eol: bytes) -> bytes:
    return key.encode() + b": " + _scalar(value) + eol


def _scalar(value: str) -> bytes:
    """Return a value as YAML that means exactly this text."""
    plain = _PLAIN.fullmatch(value) and value.isascii()
    return (value if plain else json.dumps(value)).encode()


def _eol(line: bytes) -> bytes:
    found = _EOL.search(line)
    return found[0] if found else b"\n"


#: How often to try again where the file is being changed at the same moment.
_TRIES = 3


def is_enabled(layout: Layout) -> bool:
    """Tell whether the settings ask for it; settings that do not read well ask for nothing."""
    try:
        return loader.load(layout).status.write_frontmatter
    except RunrError:
        return False


def write_status_keys(
    layout: Layout, before: Mapping[str, Entry], after: Mapping[str, Entry]
) -> None:
    """Write into the task files what has changed; a file that cannot be written is left alone.

    A task that is being worked on keeps what was written last: that it is in
    progress is true on this machine only, and not for long.
    """
    changed = [
        task
        for task, entry in after.items()
        if entry != before.get(task, UNTOUCHED) and entry.status is not State.IN_PROGRESS
    ]
    if not changed or not is_enabled(layout):
        return
    for task in changed:
        # The record is the status file; this is a copy for people, and must not stop a run.
        with suppress(RunrError, OSError):
            _write(layout, task, after[task])


def read_document(layout: Layout, task: str) -> dict[str, str]:
    """Return what a task file's header says of its status; nothing where it cannot be read."""
    try:
        return read(repository.read_content(layout, task))
    except RunrError:
        return {}


def _write(layout: Layout, task: str, entry: Entry) -> None:

    file = Path(os.path.realpath(layout.root / task))
    for _ in range(_TRIES):
        content = repository.read_content(layout, task)
        made = with_status_keys(content, status_keys(entry))
        if made is None or made == content:
            return
        with suppress(ChangedMeanwhileError):
            files.replace(file, made, if_still=content)
            return
