"""The archive as a table: a row for each task file, status and event, for spreadsheets too.

`data` holds all of it, in the encoding that the row names; the columns before
it repeat what people sort and filter by.
"""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from runr.core.archive import VERSION, Archive, KeptTask, checked
from runr.core.incoming import Document, bad, parsed

_COLUMNS = ("kind", "id", "seq", "time", "state", "title", "encoding", "data")
HEAD = ",".join(_COLUMNS)

# Python's own limit is 128 KiB, and a task file alone may be larger.
_FIELD_LIMIT = 2**31 - 1


def render(archive: Archive, titles: dict[str, str]) -> str:
    """Return the archive as CSV; `titles` gives the titles of the tasks by path."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(_COLUMNS)
    table.writerow(("runr-export", VERSION, "", "", "", "", "", ""))
    for task in archive.tasks:
        entry = archive.status.get(task.path)
        state = entry.status.value if entry else "pending"
        table.writerow(("task", task.path, "", "", state, titles.get(task.path, ""), *_data(task)))
    for path, entry in archive.status.items():
        state, at = entry.status.value, entry.updated_at or ""
        row = ("status", path, entry.revision, at, state, titles.get(path, ""), "json")
        table.writerow((*row, entry.model_dump_json()))
    for run in archive.runs:
        for event in run.events:
            facts = (event.get("seq", ""), event.get("time", ""), event.get("type", ""))
            table.writerow(("event", run.id, *facts, "", "json", _compact(event)))
    return text.getvalue()


def _data(task: KeptTask) -> tuple[str, str]:
    return ("base64", task.base64) if task.base64 is not None else ("utf-8", task.text or "")


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read(document: Document) -> Archive:
    """Return the archive; UsageError with the line where it is none."""
    csv.field_size_limit(_FIELD_LIMIT)
    tasks: list[dict[str, Any]] = []
    status: dict[str, Any] = {}
    runs: dict[str, list[Any]] = {}
    version: Any = VERSION
    for line, row in _rows(document):
        kind, own, data = row["kind"], row["id"], row["data"]
        if kind == "runr-export" and own.isdecimal():
            version = int(own)
        elif kind == "task":
            key = "base64" if row["encoding"] == "base64" else "text"
            tasks.append({"path": own, key: data})
        elif kind == "status":
            status[own] = parsed(document.name, data, line=line)
        elif kind == "event":
            runs.setdefault(own, []).append(parsed(document.name, data, line=line))
        else:
            raise bad(document.name, f"line {line}", f"{kind!r} is no kind of row")
    return checked(
        document.name,
        {
            "version": version,
            "tasks": tasks,
            "status": status,
            "runs": [{"id": own, "events": events} for own, events in runs.items()],
        },
    )


def _rows(document: Document) -> Iterator[tuple[int, dict[str, str]]]:
    table = csv.reader(io.StringIO(document.text, newline=""), strict=True)
    try:
        for row in table:
            if table.line_num == 1 and row == list(_COLUMNS):
                continue
            if len(row) != len(_COLUMNS):
                why = f"there are {len(row)} columns, not {len(_COLUMNS)}"
                raise bad(document.name, f"line {table.line_num}", why)
            yield table.line_num, dict(zip(_COLUMNS, row, strict=True))
    except csv.Error as error:
        raise bad(document.name, f"line {table.line_num}", f"no CSV: {error}") from None
