"""What an import would write: an account of every record, and the task files. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from runr.interchange import import_dependencies, task_file
from runr.interchange.external_task import ExternalStatus, ExternalTask, Numbering, Record
from runr.text import one_line, slug

#: `imported` is as it was, `changed` with the listed changes, `present` was imported before;
#: `left_out` is so on purpose, `failed` could not be read or would overwrite something.
Outcome = Literal["imported", "changed", "present", "left_out", "failed"]

#: How a task that is done in the other tool is imported.
DonePolicy = Literal["hold", "attest", "pending", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How the user wants it.

    `tool` is the name in a source, `title` the one in messages, `into` a folder
    below the tasks folder or nothing. `known` maps the sources that were imported
    before to names, `taken` holds the names that are not free, `links` the folders
    below the tasks folder that are links, which nothing is written through.
    """

    tool: str
    title: str
    into: str = ""
    tags: tuple[str, ...] = ()
    done: DonePolicy = "hold"
    known: Mapping[str, str] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRecord:
    """How one record is imported; `name` is its path below the tasks folder."""

    record: Record
    outcome: Outcome
    task: ExternalTask | None = None
    source: str = ""
    name: str = ""
    content: bytes = b""
    depends_on: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    reason: str = ""

    @property
    def writes(self) -> bool:
        """Tell whether a file is to be written."""
        return self.outcome in ("imported", "changed")

    @property
    def done(self) -> bool:
        """Tell whether it is there, or will be, and is done in the other tool."""
        status = self.task.status if self.task else None
        return self.outcome in ("imported", "changed", "present") and status is ExternalStatus.DONE


def plan_import(records: Sequence[Record], options: ImportOptions) -> tuple[PlannedRecord, ...]:
    """Return how each of `records` is imported, in their order."""
    rows = [_decided(record, options) for record in _distinct(records)]
    rows = _named(rows, options)
    links = import_dependencies.link(
        [(row.record, row.task if row.outcome != "left_out" else None) for row in rows]
    )
    names = {row.task.id: row.name for row in rows if row.task}
    return tuple(
        _written(row, links[row.task.id], names, options) if row.task and row.writes else row
        for row in rows
    )


def _distinct(records: Sequence[Record]) -> list[Record]:
    """Number a second task with the same id, as merged branches leave it; leave out a copy."""
    numbering = Numbering(record.id for record in records if record.task)
    seen: dict[str, Record] = {}
    found = []
    for record in records:
        first = seen.setdefault(record.id, record) if record.task else record
        if record.task is None or first is record:
            found.append(record)
        elif record.task == first.task:
            reason = f"the same as {first.place}"
            found.append(replace(record, task=None, changes=(), reason=reason))
        else:
            own = numbering.like(record.id)
            task = replace(record.task, id=own, duplicate_of=record.id)
            found.append(replace(record, id=own, task=task))
    return found


def _decided(record: Record, options: ImportOptions) -> PlannedRecord:
    """Return whether a record is taken, as far as the record alone says."""
    task = record.task
    if task is None:
        outcome: Outcome = "failed" if record.damaged else "left_out"
        return PlannedRecord(record=record, outcome=outcome, reason=record.reason)
    source = f"{options.tool}:{one_line(task.id)}"
    row = PlannedRecord(record=record, outcome="imported", source=source, task=task)
    if task.status is ExternalStatus.CANCELLED:
        return replace(row, outcome="left_out", reason=f"status `{one_line(task.raw_status)}`")
    if task.status is ExternalStatus.DONE and options.done == "skip":
        return replace(row, outcome="left_out", reason=f"done in {options.title}")
    if source in options.known:
        return replace(row, outcome="present", name=options.known[source])
    folder = task_file.path_of(task, options.into).rpartition("/")[0]
    if folder in options.links:
        reason = f"the folder {folder} is a link: nothing is written through it"
        lost = replace(record, task=None, damaged=True)
        return replace(row, record=lost, outcome="failed", reason=reason, task=None)
    return row


def _named(rows: Sequence[PlannedRecord], options: ImportOptions) -> list[PlannedRecord]:
    """Give each file a name of its own, other than those that are there."""
    present = {name.casefold() for name in options.taken}
    given = set(present)
    named = []
    for row in rows:
        if row.task is None or not row.writes:
            named.append(row)
            continue
        wanted = task_file.path_of(row.task, options.into)
        name = task_file.unused(wanted, given)
        given.add(name.casefold())
        changes = row.changes
        if wanted.casefold() in present:
            changes = (*changes, f"{wanted} is there already: written as {name}")
        named.append(replace(row, name=name, changes=changes))
    return named


def _written(
    row: PlannedRecord,
    links: import_dependencies.Links,
    names: Mapping[str, str],
    options: ImportOptions,
) -> PlannedRecord:
    """Return the row with the task file's bytes, and all that is changed in it."""
    task = row.task
    if task is None:
        return row
    holds = _holds(task, links, options)
    tags = (*filter(None, task.tags), *_status_tag(task, holds), *options.tags)
    task = replace(task, tags=tuple(dict.fromkeys(tags)))
    needs = tuple(task_file.beside(row.name, names[own]) for own in links.depends_on)
    changes = [*_numbered(task), *row.record.changes, *links.changes, *row.changes]
    changes += [f"{hold}: on hold" for hold in holds]
    if task_file.has_script(task.body):
        changes.append("a block marked `sh run` is plain text here")
    return replace(
        row,
        outcome="changed" if changes else "imported",
        task=task,
        depends_on=needs,
        changes=tuple(changes),
        holds=holds,
        content=task_file.render(task, row.source, needs, holds),
    )


def _holds(
    task: ExternalTask, links: import_dependencies.Links, options: ImportOptions
) -> tuple[str, ...]:
    """Return why a person has to look at the task before a run may start it."""
    if task.status is not ExternalStatus.DONE:
        return tuple(dict.fromkeys((*task.holds, *links.holds)))
    if options.done == "hold":
        return (f"done in {options.title}, not attested",)
    return () if options.done == "attest" else (*task.holds, *links.holds)


def _status_tag(task: ExternalTask, holds: Sequence[str]) -> list[str]:
    known = (ExternalStatus.ON_HOLD, ExternalStatus.DONE)
    return [slug(one_line(task.raw_status))] if holds and task.status in known else []


def _numbered(task: ExternalTask) -> list[str]:
    if task.duplicate_of is None:
        return []
    return [f"duplicate id `{one_line(task.duplicate_of)}`: numbered {one_line(task.id)}"]
