"""Which tool is meant where several keep records in a folder: the only one that has any."""

from collections.abc import Sequence

from runr.errors import UsageError
from runr.interchange.external_task import Record
from runr.interchange.import_result import ImportRequest
from runr.interchange.sources import TITLES, Source, read_source
from runr.text import pluralize

#: A source with what became of its records.
_Read = tuple[Source, tuple[Record, ...]]


def choose(
    request: ImportRequest, found: Sequence[Source]
) -> tuple[Source, tuple[Record, ...], list[str]]:
    """Return the source to import, its records, and notes about the others.

    Raises UsageError where several have something to import, with a command for each.
    """
    if request.only and all(source.tool != "taskmaster" for source in found):
        raise UsageError("only a Task Master file has lists to choose from")
    read = [(source, read_source(source, request.only)) for source in found]
    full = [(source, rows) for source, rows in read if any(r.task or r.damaged for r in rows)]
    if len(full) > 1:
        raise _ambiguous(request, full)
    source, records = (full or read)[0]
    empty = [_empty(*other) for other in read if other[0] is not source or not records]
    return source, records, [*source.notes, *empty]


def _empty(source: Source, records: Sequence[Record]) -> str:
    if not source.documents:
        return f"{source.name} is not a file of {TITLES[source.tool]}"
    what = f"{pluralize(len(records), 'record')}, none of them a task" if records else "no records"
    return f"{source.name} ({TITLES[source.tool]}) has {what}"


def _ambiguous(request: ImportRequest, full: Sequence[_Read]) -> UsageError:
    there = [f"{source.name} ({TITLES[source.tool]}, {len(rows)})" for source, rows in full]
    tools = [source.tool for source, _ in full]
    changes = [
        {"tool": source.tool} if tools.count(source.tool) == 1 else {"file": source.name}
        for source, _ in full
    ]
    return UsageError(
        f"several tools keep records in {request.file}: {', '.join(there)}; choose one",
        next_steps=[request.model_copy(update=change).typed.step() for change in changes],
    )
