"""The files of other tools that an import reads: never more than asked for, never written."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from runr.errors import UnknownNameError, UsageError
from runr.interchange import archive, backlog_md, beads, github, taskmaster
from runr.interchange.external_task import Document, invalid_source, parsed

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
    if text.startswith(archive.CSV_HEADER):
        return "runr"
    first = _first_record(document, text)
    if archive.is_one(first):
        return "runr"
    if taskmaster.is_one(first):
        return "taskmaster"
    if isinstance(first, list):
        first = first[0] if first else {"number": 0, "title": ""}
    if github.is_one(first):
        return "github"
    if beads.is_one(first):
        return "beads"
    raise invalid_source(
        document.name, "", "the shape is of no tool that runr knows; name it with --from"
    )


def _first_record(document: Document, text: str) -> object:
    """Return the JSON, or its first line where each line is a record."""
    for part in (text, text.partition("\n")[0]):
        with suppress(ValueError, RecursionError):
            return json.loads(part)
    return parsed(document.name, document.text)


_LIMIT = 64 * 1024 * 1024
_PLACES = {
    "taskmaster": (*taskmaster.PLACES, "tasks.json"),
    "beads": beads.PLACES,
}


def source_documents(asked: Path, shown: str, tool: str | None = None) -> tuple[Document, ...]:
    """Return what is to be read at `asked`, a file or a folder that holds one of the tools' files.

    `shown` is the path as the user wrote it; `tool` chooses where several are there.
    Raises UsageError.
    """
    if asked.is_file():
        return (_read(asked, shown),)
    if not asked.is_dir():
        raise UnknownNameError(f"there is no file or folder {shown!r}")
    found = [(file, f"{shown.rstrip('/')}/{name}") for file, name in _known(asked, tool)]
    if not found:
        raise UsageError(
            f"{shown} holds no tasks that runr can read: neither .taskmaster/tasks/tasks.json "
            "nor .beads/issues.jsonl nor backlog/tasks; name the file itself"
        )
    return tuple(_read(file, name) for file, name in found)


def _known(folder: Path, tool: str | None) -> Iterator[tuple[Path, str]]:
    """Yield the files of the first tool that is found in `folder` or is `folder`."""
    for name, places in _PLACES.items():
        # The tool's own folder may be named, too: `.beads`, `.taskmaster`.
        inner = [place.partition("/")[2] for place in places]
        for place in (*places, *inner):
            if tool in (None, name) and (folder / place).is_file():
                yield folder / place, place
                return
    if tool in (None, "backlog"):
        yield from _backlog(folder)


def _backlog(folder: Path) -> Iterator[tuple[Path, str]]:
    for base in ("backlog", ".backlog", ""):
        kept = (folder / base / name for name in backlog_md.FOLDERS)
        files = [file for below in kept for file in sorted(below.glob("*.md"))]
        if files:
            yield from ((file, file.relative_to(folder).as_posix()) for file in files)
            return
    if folder.name in backlog_md.FOLDERS:
        yield from ((file, file.name) for file in sorted(folder.glob("*.md")))


def _read(file: Path, shown: str) -> Document:
    if file.stat().st_size > _LIMIT:
        raise UsageError(f"{shown} is larger than {_LIMIT // 1024 // 1024} MiB")
    data = file.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{shown}, line {line}: the file is not UTF-8") from None
    return Document(name=shown, text=text)
