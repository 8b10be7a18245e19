"""The central status file: read without a lock, changed under one, never half written."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json, to_json

from runr import nofollow
from runr.errors import DamagedStateError, RunrError
from runr.status import frontmatter
from runr.status.model import Entry
from runr.storage import files, legacy
from runr.storage.layout import Layout

SCHEMA = 1

#: Keys that are written only where they say something.
_OPTIONAL = (
    *("reason", "branch", "confidence", "basis"),
    *("accepted_at", "accepted_by", "accepted_run", "accepted_commit"),
)


class Contents(BaseModel):
    """The whole file; keys that this version does not know are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    schema_version: int = SCHEMA
    tasks: dict[str, Entry] = Field(default_factory=dict)

    @property
    def read_only(self) -> bool:
        """Tell whether a newer runr wrote the file: it can be read, but not written here."""
        return self.schema_version > SCHEMA


class DamagedStatusError(DamagedStateError):
    """The file is not what runr wrote; `salvaged` holds the entries that still read well."""

    def __init__(self, path: Path, why: str, salvaged: Contents) -> None:
        super().__init__(f"{path.name} is damaged ({why})", next_steps=["runr rebuild"])
        self.salvaged = dict(salvaged.tasks)
        self.schema_version = salvaged.schema_version


def read(layout: Layout) -> Contents:
    """Return the recorded statuses; an absent file is an empty record.

    Raises DamagedStatusError for a file that does not read well. It is never
    taken for an empty one.
    """
    try:
        data = nofollow.read(layout.status)
    except FileNotFoundError:
        return Contents()
    except OSError as error:
        raise _unusable(layout, error) from None
    return parse(data, layout.status)


def parse(data: bytes, path: Path) -> Contents:
    """Return what the bytes of a status file say; DamagedStatusError names `path`."""
    try:
        if legacy.MARK in data:
            return Contents.model_validate(legacy.upgrade(json.loads(data)))
        contents = Contents.model_validate_json(data)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        why = _first(error)
    else:
        if "tasks" in contents.model_fields_set:
            return contents
        why = "it has no tasks"
    newer = _newer_contents(data)
    if newer is None:
        raise DamagedStatusError(path, why, _salvage(data))
    return newer


Change = Callable[[dict[str, Entry]], dict[str, Entry]]
Repair = Callable[[DamagedStatusError], dict[str, Entry]]


def update(layout: Layout, change: Change, *, repair: Repair | None = None) -> dict[str, Entry]:
    """Replace the entries by `change(entries)` while nobody else can, and return them.

    `repair` turns a damaged file into entries; the damaged bytes have been kept
    aside by then. Without it the damage is raised and nothing is written.
    """
    try:
        with files.locked(layout.status_lock):
            return _update(layout, change, repair)
    except OSError as error:
        raise _unusable(layout, error) from None


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
        files.replace(layout.status, render(contents.model_copy(update={"tasks": tasks})))
        frontmatter.write_status_keys(layout, contents.tasks, tasks)
    return tasks


def render(contents: Contents) -> bytes:
    """Return the file's bytes: sorted keys, one task after another, so that branches merge."""
    whole = contents.model_dump(mode="json")
    whole["schema_version"] = SCHEMA
    for entry in whole["tasks"].values():
        for key in _OPTIONAL:
            if entry[key] is None:
                del entry[key]
    return to_json(_sorted(whole), indent=2) + b"\n"


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


def _newer_contents(data: bytes) -> Contents | None:
    """Return what can be made of a whole file that a newer runr wrote."""
    try:
        raw = from_json(data)
    except ValueError:
        return None
    tasks = raw.get("tasks") if isinstance(raw, dict) else None
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if not (isinstance(tasks, dict) and isinstance(version, int) and version > SCHEMA):
        return None
    read = {path: _lenient(entry) for path, entry in tasks.items() if isinstance(entry, dict)}
    return Contents(schema_version=version, tasks=read)


def _lenient(raw: dict[str, Any]) -> Entry:
    """Read an entry without the values that only a newer runr understands."""
    try:
        return Entry.model_validate(raw)
    except ValidationError as error:
        strange = {detail["loc"][0] for detail in error.errors(include_url=False)}
        return Entry.model_validate({key: raw[key] for key in raw if key not in strange})


def _salvage(data: bytes) -> Contents:
    raw, torn = _as_far_as_it_goes(data)
    if not isinstance(raw, dict):
        return Contents()
    tasks, version = raw.get("tasks"), raw.get("schema_version")
    good: dict[str, Entry] = {}
    path = ""
    for path, entry in tasks.items() if isinstance(tasks, dict) else ():
        with suppress(ValidationError, TypeError, AttributeError):
            good[path] = Entry.model_validate(legacy.entry(entry))
    if torn and path in good and "verification" not in good[path].model_fields_set:
        del good[path]  # its last key was not reached, so others may be missing too
    return Contents(schema_version=version if isinstance(version, int) else SCHEMA, tasks=good)


def _as_far_as_it_goes(data: bytes) -> tuple[Any, bool]:
    """Return what stands in front of the place where the file stops being JSON, if it does."""
    text = data.decode(errors="replace")
    try:
        return json.loads(text), False
    except json.JSONDecodeError as error:
        text = text[: error.pos]
    except RecursionError:
        return None, True
    try:
        return from_json(text, allow_partial=True), True
    except ValueError:
        return None, True


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{place}: {first['msg']}" if place else first["msg"]
    return str(error)


def _unusable(layout: Layout, error: OSError) -> RunrError:
    place = error.filename or layout.status
    return RunrError(f"the status file cannot be used: {place}: {error.strerror or error}")


def _newer(layout: Layout, version: int) -> DamagedStateError:
    return DamagedStateError(
        f"{layout.status.name} was written by a newer runr (schema {version}, "
        f"this one writes {SCHEMA}), so it is read-only here",
        next_steps=["uv tool upgrade runr"],
    )
