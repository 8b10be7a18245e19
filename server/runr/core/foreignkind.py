"""Which tool a file is from, told by its shape."""

import json
from contextlib import suppress
from typing import Literal

from runr.core import archive, archivecsv, beads, ghissues, taskmaster
from runr.core.incoming import Document, bad, parsed

Tool = Literal["taskmaster", "beads", "backlog", "github", "runr"]

#: What people call them.
TITLES: dict[Tool, str] = {
    "taskmaster": "Task Master",
    "beads": "Beads",
    "backlog": "Backlog.md",
    "github": "GitHub issues",
    "runr": "runr",
}


def detect(document: Document) -> Tool:
    """Return the tool; UsageError where the shape is none that runr knows."""
    text = document.text.lstrip()
    if document.name.endswith(".md") or text.startswith("---"):
        return "backlog"
    if document.name.endswith(".jsonl"):
        return "beads"
    if text.startswith(archivecsv.HEAD):
        return "runr"
    first = _first_record(document, text)
    if archive.is_one(first):
        return "runr"
    if taskmaster.is_one(first):
        return "taskmaster"
    if isinstance(first, list):
        first = first[0] if first else {"number": 0, "title": ""}
    if ghissues.is_one(first):
        return "github"
    if beads.is_one(first):
        return "beads"
    raise bad(document.name, "", "the shape is of no tool that runr knows; name it with --from")


def _first_record(document: Document, text: str) -> object:
    """Return the JSON, or its first line where each line is a record."""
    for part in (text, text.partition("\n")[0]):
        with suppress(ValueError, RecursionError):
            return json.loads(part)
    return parsed(document.name, document.text)
