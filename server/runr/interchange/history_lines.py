"""The journals of runs and job runs as JSON Lines, each line of a journal byte for byte. Pure.

The first line is `{"format": "runr-history", "version": 1}`. Each further one names a journal, such
as `runs/20250108-143022-k7qf`, and has one of its lines: as `event` where JSON written again gives
the same bytes, else as `text`, or as `base64` where the bytes are no UTF-8. `settings` has the
settings that the run was held to.
"""

import base64
import binascii
import json
import re
from hashlib import sha256
from typing import Any, NamedTuple

from runr.text import escape_controls

FORMAT, VERSION = "runr-history", 1
#: As many bytes can be a line, and all lines of one journal.
LINE_LIMIT, JOURNAL_LIMIT = 64 * 1024 * 1024, 256 * 1024 * 1024

_JOURNAL = re.compile(r"(runs|job-runs)/[0-9A-Za-z][0-9A-Za-z_.-]{0,99}", re.ASCII)
_END = re.compile(rb"[\r\n]")


class JournalLine(NamedTuple):
    """A line of a journal without its end, or the settings of the run."""

    journal: str
    content: bytes
    is_settings: bool = False


def header() -> bytes:
    """Return the first line of a file."""
    return _written({"format": FORMAT, "version": VERSION})


def version_of(line: bytes) -> int | None:
    """Return the version of a file with this first line; None for one of another format."""
    try:
        value = _loaded(line)
    except ValueError:
        return None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        return None
    version = value.get("version")
    return version if type(version) is int else 0


def encode(line: JournalLine) -> bytes:
    """Return a line of the file."""
    if line.is_settings:
        return _written({"journal": line.journal, "settings": line.content.decode()})
    return _written({"journal": line.journal} | _kept(line.content))


def decode(line: bytes) -> JournalLine:
    """Return what a line of a file says; ValueError for what no export writes."""
    if len(line) > LINE_LIMIT:
        raise ValueError(f"longer than {LINE_LIMIT // 1024 // 1024} MiB")
    value = _loaded(line)
    if not isinstance(value, dict) or len(value) != len(("journal", "content")):
        raise ValueError("no object with a journal and one of its lines")
    journal = value.pop("journal", None)
    if not isinstance(journal, str) or not _JOURNAL.fullmatch(journal) or ".." in journal:
        raise ValueError(f"{str(journal)[:80]!r} is no name of a journal")
    ((key, kept),) = value.items()
    content = _content(key, kept)
    if key != "settings" and _END.search(content):
        raise ValueError("a line of a journal cannot have an end of a line in it")
    return JournalLine(journal, content, key == "settings")


def are_settings_of(settings: bytes, first_line: bytes) -> bool:
    """Tell whether the first event of a run names these settings as those that it was held to."""
    return b'"' + sha256(settings).hexdigest().encode() + b'"' in first_line


def _kept(content: bytes) -> dict[str, Any]:
    try:
        event = _loaded(content)
        if isinstance(event, dict) and _compact(event).encode() == content:
            return {"event": event}
    except ValueError:
        pass
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def _content(key: str, kept: object) -> bytes:
    match key, kept:
        case "event", dict():
            return _encoded(_compact(kept))
        case "text" | "settings", str():
            return _encoded(kept)
        case "base64", str():
            try:
                return base64.b64decode(kept, validate=True)
            except (binascii.Error, ValueError) as error:
                raise ValueError(f"the base64 is damaged: {error}") from None
    raise ValueError(f"{key[:80]!r} is nothing that a journal has")


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds characters that are no text") from None


def _written(value: object) -> bytes:
    return escape_controls(_compact(value)).encode() + b"\n"


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _loaded(line: bytes) -> Any:
    try:
        return json.loads(line.decode(), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
