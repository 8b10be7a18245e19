"""The central status file: read without a lock, changed under one, never half written."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from runr import nofollow
from runr.errors import DamagedStateError, RunrError
from runr.next_steps import commands
from runr.status import codec
from runr.status.model import Entry
from runr.storage import files, legacy
from runr.storage.layout import Layout

SCHEMA = 1

# A file changed this shortly ago may be changed once more within the resolution of its time.
_RACY_NS = 2_000_000_000


class Contents(NamedTuple):
    """The whole file; `extra` holds the keys that this version does not know."""

    schema_version: int = SCHEMA
    tasks: Mapping[str, Entry] = MappingProxyType({})
    extra: Mapping[str, Any] = MappingProxyType({})

    @property
    def read_only(self) -> bool:
        """Tell whether a newer runr wrote the file: it can be read, but not written here."""
        return self.schema_version > SCHEMA


#: An entry, and the JSON that it was made from.
Decoded = tuple[Any, Entry]


class DamagedStatusError(DamagedStateError):
    """The file is not what runr wrote; `salvaged` holds the entries that still read well."""

    def __init__(self, path: Path, why: str, salvaged: Contents) -> None:
        super().__init__(f"{path.name} is damaged ({why})", next_steps=[commands.rebuild()])
        self.salvaged = dict(salvaged.tasks)
        self.schema_version = salvaged.schema_version


def read(layout: Layout) -> Contents:
    """Return the recorded statuses; an absent file is an empty record.

    Raises DamagedStatusError for a file that does not read well. It is never
    taken for an empty one.
    """
    data = _bytes(layout)
    return Contents() if data is None else parse(data, layout.status)


def _bytes(layout: Layout) -> bytes | None:
    try:
        return nofollow.read(layout.status)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(layout, error) from None


def parse(data: bytes, path: Path, before: dict[str, Decoded] | None = None) -> Contents:
    """Return the contents of a status file; DamagedStatusError names `path`.

    Entries that are in the file as they were `before` are the same objects, which takes no time.
    """
    try:
        raw = _load(data)
        if legacy.MARK in data:
            raw = legacy.upgrade(raw)
        return _decode(raw, {} if before is None else before)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        why = str(error)
    newer = _newer_contents(data)
    if newer is None:
        raise DamagedStatusError(path, why, _salvage(data))
    return newer


class StatusIndex:
    """The status file, kept in memory and read again when its state on disk has changed.

    As long as it has not, `read` returns the same contents. Threads may share
    an index.
    """

    def __init__(self) -> None:
        self._kept: tuple[Layout, tuple[int, ...] | None, bytes | None, Contents] | None = None
        self._decoded: dict[str, Decoded] = {}
        self._digest: tuple[bytes, str] | None = None

    def read(self, layout: Layout) -> Contents:
        """Return the recorded statuses; raises as the function `read` does."""
        mark, kept = _mark(layout), self._kept
        if mark is not None and kept is not None and kept[:2] == (layout, mark):
            return kept[3]
        data = _bytes(layout)
        # Comparing them costs less than reading what they say.
        if kept is not None and kept[0] == layout and kept[2] == data:
            contents = kept[3]
        else:
            contents = Contents()
            if data is not None:
                contents = parse(data, layout.status, self._decoded)
        self._kept = (layout, mark, data, contents)
        return contents

    def digest(self, entries: Mapping[str, Entry]) -> str | None:
        """Return the digest of the file, if these are the entries that were read from it last."""
        from hashlib import blake2b  # noqa: PLC0415 - takes long to load, and most files are small

        kept = self._kept
        if kept is None or kept[2] is None or kept[3].tasks is not entries:
            return None
        if self._digest is None or self._digest[0] is not kept[2]:
            self._digest = kept[2], blake2b(kept[2], digest_size=32).hexdigest()
        return self._digest[1]


def _mark(layout: Layout) -> tuple[int, ...] | None:
    """Return what changes with the file; None where a further change may not show in it."""
    try:
        state = nofollow.stat(layout.status)
    except OSError:
        return None
    if state.st_ctime_ns > time.time_ns() - _RACY_NS:
        return None
    return (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


Change = Callable[[dict[str, Entry]], dict[str, Entry]]
Repair = Callable[[DamagedStatusError], dict[str, Entry]]


def update(layout: Layout, change: Change, *, repair: Repair | None = None) -> dict[str, Entry]:
    """Replace the entries by `change(entries)` under the lock, and return them.

    `repair` turns a damaged file into entries; the damaged bytes have been kept
    aside by then. Without it the damage is raised and nothing is written.
    """
    try:
        with files.locked(layout.status_lock):
            return _update(layout, change, repair)
    except OSError as error:
        raise _unusable(layout, error) from None


def ensure_writable(layout: Layout, index: StatusIndex | None = None) -> None:
    """Raise what `update` would, before anything is recorded that it could not write.

    An `index` reads only what has changed.
    """
    try:
        contents = index.read(layout) if index else read(layout)
    except DamagedStatusError as error:
        version = error.schema_version
    else:
        version = contents.schema_version
    if version > SCHEMA:
        raise _newer(layout, version)


def _update(layout: Layout, change: Change, repair: Repair | None) -> dict[str, Entry]:
    files.remove_temporaries(layout.status)
    damaged = False
    try:
        contents = read(layout)
    except DamagedStatusError as error:
        if error.schema_version > SCHEMA:
            raise _newer(layout, error.schema_version) from None
        if repair is None:
            raise
        keep_aside(layout.status)
        damaged, contents = True, Contents(tasks=repair(error))
    if contents.read_only:
        raise _newer(layout, contents.schema_version)
    tasks = change(dict(contents.tasks))
    if damaged or tasks != contents.tasks:
        files.replace(layout.status, render(contents._replace(tasks=tasks)))
        # Whoever only reads does not need the parser of task files.
        from runr.status import frontmatter  # noqa: PLC0415 - see above

        frontmatter.write_status_keys(layout, contents.tasks, tasks)
    return tasks


def render(contents: Contents) -> bytes:
    """Return the file's bytes: sorted keys, one task after another, so that branches merge."""
    entries = sorted(contents.tasks.items())
    tasks = ",\n".join(f"    {_json(path)}: {_entry_text(entry)}" for path, entry in entries)
    whole = {key: _indented(value, 2) for key, value in contents.extra.items()}
    whole |= {"schema_version": str(SCHEMA), "tasks": f"{{\n{tasks}\n  }}" if tasks else "{}"}
    text = ",\n".join(f"  {_json(key)}: {whole[key]}" for key in sorted(whole))
    # What no UTF-8 can hold came from an escape, and goes back into one.
    return f"{{\n{text}\n}}\n".encode(errors="backslashreplace")


def _entry_text(entry: Entry) -> str:
    raw = codec.encode(entry)
    if any(isinstance(value, dict | list) for value in entry.extra.values()):
        return _indented(raw, 4)
    return f"{{\n      {_json(raw)[1:-1]}\n    }}"


#: Without an indent, json is written in C: a status file has thousands of entries.
_json = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",\n      ", ": ")).encode


def _indented(value: Any, spaces: int) -> str:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return text.replace("\n", "\n" + " " * spaces)


def keep_aside(path: Path) -> Path:
    """Copy a damaged file beside itself and return the copy's path."""
    stamp = int(nofollow.stat(path).st_mtime)
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 1
    while nofollow.exists(aside) and nofollow.read(aside) != nofollow.read(path):
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    files.replace(aside, nofollow.read(path))
    return aside


def _load(data: bytes) -> Any:
    return json.loads(data.decode(), parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _decode(raw: Any, before: dict[str, Decoded]) -> Contents:
    if not isinstance(raw, dict):
        raise TypeError("it is not an object")
    version, tasks = raw.get("schema_version", SCHEMA), raw.get("tasks")
    if type(version) is not int or version > SCHEMA:
        raise ValueError("schema_version: must be a known number")
    if not isinstance(tasks, dict):
        raise TypeError("it has no tasks")
    entries: dict[str, Entry] = {}
    for path, entry in tasks.items():
        known = before.get(path)
        if known is None or known[0] != entry:
            try:
                known = before[path] = entry, codec.decode(entry)
            except ValueError as error:
                raise ValueError(f"tasks.{path}.{error}") from None
        entries[path] = known[1]
    return Contents(schema_version=version, tasks=entries, extra=_extra(raw))


def _extra(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: raw[key] for key in raw if key not in ("schema_version", "tasks")}


def _newer_contents(data: bytes) -> Contents | None:
    """Return what this version understands of a whole file that a newer runr wrote."""
    try:
        raw = _load(data)
    except (ValueError, RecursionError):
        return None
    tasks = raw.get("tasks") if isinstance(raw, dict) else None
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if not (isinstance(tasks, dict) and isinstance(version, int) and version > SCHEMA):
        return None
    entries = {p: codec.decode_lenient(e) for p, e in tasks.items() if isinstance(e, dict)}
    return Contents(schema_version=version, tasks=entries, extra=_extra(raw))


def _salvage(data: bytes) -> Contents:
    raw, torn = _load_partly(data)
    if not isinstance(raw, dict):
        return Contents()
    tasks, version = raw.get("tasks"), raw.get("schema_version")
    good: dict[str, Entry] = {}
    path, entry = "", None
    for path, entry in tasks.items() if isinstance(tasks, dict) else ():
        with suppress(ValueError, TypeError, AttributeError):
            good[path] = codec.decode(legacy.entry(entry))
    if torn and path in good and "verification" not in (entry or {}):
        del good[path]  # its last key was not reached, so others may be missing too
    return Contents(schema_version=version if type(version) is int else SCHEMA, tasks=good)


def _load_partly(data: bytes) -> tuple[Any, bool]:
    """Return what comes before the place where the file stops being JSON, if it does."""
    text = data.decode(errors="replace")
    try:
        return json.loads(text), False
    except json.JSONDecodeError as error:
        text = text[: error.pos]
    except RecursionError:
        return None, True
    # Only a damaged file needs a reader of incomplete JSON, which takes long to import.
    from pydantic_core import from_json  # noqa: PLC0415 - see above

    try:
        return from_json(text, allow_partial=True), True
    except ValueError:
        return None, True


def _unusable(layout: Layout, error: OSError) -> RunrError:
    place = error.filename or layout.status
    return RunrError(f"the status file cannot be used: {place}: {error.strerror or error}")


def _newer(layout: Layout, version: int) -> DamagedStateError:
    return DamagedStateError(
        f"{layout.status.name} was written by a newer runr (schema {version}, "
        f"this one writes {SCHEMA}), so it is read-only here",
        next_steps=[commands.upgrade()],
    )
