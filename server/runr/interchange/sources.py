"""The files of other tools that an import reads: never more than asked for, never written."""

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runr.errors import UnknownNameError, UsageError
from runr.interchange import archive, backlog_md, beads, github, taskmaster
from runr.interchange.external_task import Document, Record
from runr.interchange.record_fields import InvalidJsonError, parse_json
from runr.next_steps import commands
from runr.tasks.names import natural_key
from runr.text import pluralize

Tool = Literal["taskmaster", "beads", "backlog", "github", "runr"]

#: What people call them.
TITLES: dict[Tool, str] = {
    "taskmaster": "Task Master",
    "beads": "Beads",
    "backlog": "Backlog.md",
    "github": "GitHub issues",
    "runr": "runr",
}

_LIMIT = 64 * 1024 * 1024
_PLACES: tuple[tuple[Tool, tuple[str, ...]], ...] = (
    ("taskmaster", taskmaster.PLACES),
    ("beads", beads.PLACES),
)
_BACKLOGS = ("backlog", ".backlog", "")
_UNREAD = ("drafts", "archive/tasks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The files in which one tool keeps its tasks; `name` is how the user can name them.

    There are no `documents` where a file with the name of one of its files is
    another program's.
    """

    tool: Tool
    name: str
    documents: tuple[Document, ...]
    notes: tuple[str, ...] = ()


def find_sources(asked: Path, shown: str, tool: Tool | None = None) -> tuple[Source, ...]:
    """Return what can be read at `asked`, a file or a folder in which tools keep their tasks.

    `shown` is the path as the user wrote it; `tool` leaves out the others. Raises
    UsageError where there is nothing, or nothing of a known shape.
    """
    if asked.is_file():
        document = _read(asked, shown)
        return (Source(tool=tool or detect(document), name=shown, documents=(document,)),)
    if asked.exists() and not asked.is_dir():
        raise UsageError(f"{shown} is not a regular file: write what it returns to a file first")
    if not asked.is_dir():
        raise UnknownNameError(f"there is no file or folder {shown!r}")
    found = [source for source in _in_folder(asked, shown) if tool in (None, source.tool)]
    if not any(source.documents for source in found):
        missing = asked / ".beads" if (asked / ".beads").is_dir() else None
        hint = (
            [commands.program("bd", "export", "-o", ".beads/issues.jsonl")]
            if missing and tool in (None, "beads")
            else []
        )
        raise UsageError(
            f"{shown} holds no tasks that runr can read: neither .taskmaster/tasks/tasks.json "
            "nor .beads/issues.jsonl nor backlog/tasks; name the file itself",
            next_steps=hint,
        )
    return tuple(sorted(found, key=lambda source: not source.documents))


def read_source(source: Source, only: tuple[str, ...] = ()) -> tuple[Record, ...]:
    """Return an account of every record; UsageError for a list in `only` that there is not."""
    if source.tool == "backlog" or not source.documents:
        return backlog_md.read(source.documents)
    (document,) = source.documents
    if document.unreadable:
        return (Record.unreadable(document.name, document.unreadable),)
    match source.tool:
        case "taskmaster":
            return taskmaster.read(document, only=only)
        case "beads":
            return beads.read(document)
        case _:
            return github.read(document)


def detect(document: Document) -> Tool:
    """Return the tool by the shape of a file; UsageError where it is none that runr knows."""
    text, name = document.text.lstrip(), document.name.rpartition("/")[2]
    if name.endswith(".md") or text.startswith("---"):
        return "backlog"
    if name.endswith(".jsonl"):
        return "beads"
    if text.startswith(archive.CSV_HEADER):
        return "runr"
    tool = _by_shape(document) if text else None
    if tool or name == "tasks.json":
        return tool or "taskmaster"
    why = "the shape is of no tool that runr knows; name it with --from"
    if not text:
        why = "the file is empty: there is nothing to import"
    raise UsageError(f"{document.name}: {document.unreadable or why}")


_SHAPES: tuple[tuple[Tool, Callable[[object], bool]], ...] = (
    ("runr", archive.is_one),
    ("taskmaster", taskmaster.is_one),
    ("github", github.is_one),
    ("beads", beads.is_one),
)


def _by_shape(document: Document) -> Tool | None:
    """Return the tool whose shape one of the first records has."""
    for value in _first_records(document):
        for tool, has_shape in _SHAPES:
            if has_shape(value):
                return tool
    return None


def _first_records(document: Document) -> Iterator[object]:
    """Yield the JSON and the items of a list, or the first lines where each is a record."""
    text = document.text.strip()
    try:
        value = parse_json(text)
    except InvalidJsonError as error:
        lines = [parsed for line in text.split("\n") if (parsed := _parsed(line))]
        yield from lines
        if not lines and not document.name.endswith("tasks.json"):
            place = ", ".join(filter(None, (document.name, error.place)))
            raise UsageError(f"{place}: {error.reason}; nothing was imported") from None
        return
    yield value
    if isinstance(value, list):
        yield from value or [{"number": 0, "title": ""}]


def _parsed(line: str) -> object:
    """Return the object on a line, or None."""
    try:
        value = parse_json(line)
    except InvalidJsonError:
        return None
    return value if isinstance(value, dict) else None


def _in_folder(folder: Path, shown: str) -> Iterator[Source]:
    """Yield every place in `folder`, or that is `folder`, in which a tool keeps tasks."""
    seen: set[Path] = set()
    base = shown.rstrip("/") or "/"
    for tool, places in _PLACES:
        # The tool's own folder may be named, too: `.beads`, `.taskmaster`.
        for place in (*places, *(place.partition("/")[2] for place in places)):
            file = folder / place
            if place and file.is_file() and file.resolve() not in seen:
                seen.add(file.resolve())
                document = _read(file, f"{base}/{place}")
                theirs = tool != "taskmaster" or _is_taskmaster(document)
                documents = (document,) if theirs else ()
                yield Source(tool=tool, name=document.name, documents=documents)
    yield from _backlog(folder, base)


def _is_taskmaster(document: Document) -> bool:
    """Tell whether a `tasks.json` may be Task Master's; other programs have one as well."""
    if "/.taskmaster/" in f"/{document.name}" or document.unreadable:
        return True
    try:
        return not document.text.strip() or taskmaster.is_one(parse_json(document.text))
    except InvalidJsonError:
        return True


def _backlog(folder: Path, shown: str) -> Iterator[Source]:
    for base in _BACKLOGS:
        kept = (folder / base / name for name in backlog_md.FOLDERS)
        files = [file for below in kept for file in _in_order(below)]
        if files:
            names = [f"{shown}/{file.relative_to(folder).as_posix()}" for file in files]
            notes = tuple(_unread(folder / base, f"{shown}/{base}".rstrip("/")))
            name = f"{shown}/{base}".rstrip("/")
            yield Source(tool="backlog", name=name, documents=_all(files, names), notes=notes)
            return
    if folder.name in backlog_md.FOLDERS:
        files = _in_order(folder)
        if files:
            names = [f"{shown}/{file.name}" for file in files]
            yield Source(tool="backlog", name=shown, documents=_all(files, names))


def _in_order(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.md"), key=lambda file: natural_key(str(file)))


def _all(files: list[Path], names: list[str]) -> tuple[Document, ...]:
    return tuple(_read_below(file, name) for file, name in zip(files, names, strict=True))


def _read_below(file: Path, shown: str) -> Document:
    """Return what is in a file that was found in a folder, not named by the user."""
    if file.is_symlink() and not file.resolve().is_relative_to(file.parent.resolve()):
        return Document(name=shown, unreadable="is a link to a file outside of its folder")
    return _read(file, shown)


def _unread(backlog: Path, shown: str) -> Iterator[str]:
    for name in _UNREAD:
        number = len(list((backlog / name).glob("*.md")))
        if number:
            yield f"{shown}/{name} is not read: {pluralize(number, 'file')}"


def _read(file: Path, shown: str) -> Document:
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            return Document(name=shown, unreadable="is not a regular file")
        if found.st_size > _LIMIT:
            limit = f"larger than {_LIMIT // 1024 // 1024} MiB"
            return Document(name=shown, unreadable=limit)
        data = file.read_bytes()
    except OSError as error:
        return Document(name=shown, unreadable=f"cannot be read: {error.strerror}")
    # What PowerShell writes where the output of a command is sent to a file.
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Document(name=shown, text=data.decode("utf-16", "replace"))
    return Document(name=shown, text=data.decode("utf-8-sig", "surrogateescape"))
