"""The central status file: read without a lock, changed under one, never half written."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json, to_json

from runr.core.status import Entry
from runr.errors import DamagedStateError
from runr.store import files, legacy
from runr.store.layout import Layout

SCHEMA = 1

#: Keys that are written only where they say something.
_OPTIONAL = ("reason", "branch")


class Contents(BaseModel):
    """The whole file; keys that this version does not know are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    schema_version: int = SCHEMA
    tasks: dict[str, Entry] = Field(default_factory=dict)


class DamagedStatusError(DamagedStateError):
    """The file is not what runr wrote; `salvaged` holds the entries that still read well."""

    def __init__(self, path: Path, why: str, salvaged: Mapping[str, Entry]) -> None:
        super().__init__(f"{path.name} is damaged ({why})", next_steps=["runr rebuild"])
        self.salvaged = dict(salvaged)


def read(layout: Layout) -> Contents:
    """Return the recorded statuses; an absent file is an empty record.

    Raises DamagedStatusError for a file that does not read well. It is never
    taken for an empty one.
    """
    try:
        data = layout.status.read_bytes()
    except FileNotFoundError:
        return Contents()
    try:
        if legacy.MARK in data:
            return Contents.model_validate(legacy.upgrade(json.loads(data)))
        contents = Contents.model_validate_json(data)
    except (ValueError, TypeError, AttributeError) as error:
        why = _first(error)
    else:
        if "tasks" in contents.model_fields_set:
            return contents
        why = "it has no tasks"
    raise DamagedStatusError(layout.status, why, _salvage(data))


def update(
    layout: Layout,
    change: Callable[[dict[str, Entry]], dict[str, Entry]],
    *,
    repair: Callable[[DamagedStatusError], dict[str, Entry]] | None = None,
) -> dict[str, Entry]:
    """Replace the entries by `change(entries)` while nobody else can, and return them.

    `repair` turns a damaged file into entries; the damaged bytes have been kept
    aside by then. Without it the damage is raised and nothing is written.
    """
    with files.locked(layout.status_lock):
        files.sweep(layout.status)
        damaged = False
        try:
            contents = read(layout)
        except DamagedStatusError as error:
            if repair is None:
                raise
            keep_aside(layout.status)
            damaged, contents = True, Contents(tasks=repair(error))
        if contents.schema_version > SCHEMA:
            raise _newer(layout, contents.schema_version)
        tasks = change(dict(contents.tasks))
        if damaged or tasks != contents.tasks:
            files.replace(layout.status, render(contents.model_copy(update={"tasks": tasks})))
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
    stamp = int(path.stat().st_mtime)
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 1
    while aside.exists() and aside.read_bytes() != path.read_bytes():
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    files.replace(aside, path.read_bytes())
    return aside


def _salvage(data: bytes) -> dict[str, Entry]:
    try:
        raw: Any = from_json(data, allow_partial=True)
    except ValueError:
        return {}
    tasks = raw.get("tasks") if isinstance(raw, dict) else None
    good: dict[str, Entry] = {}
    for path, entry in tasks.items() if isinstance(tasks, dict) else ():
        try:
            found = Entry.model_validate(entry)
        except ValidationError:
            continue
        # The last entry of a truncated file may have lost keys: whole ones have been changed once.
        if found.revision > 0 and found.updated_at:
            good[path] = found
    return good


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


def _newer(layout: Layout, version: int) -> DamagedStateError:
    return DamagedStateError(
        f"{layout.status.name} was written by a newer runr (schema {version}, "
        f"this one writes {SCHEMA}), so it is read-only here",
        next_steps=["uv tool upgrade runr"],
    )
