"""What an import would write: names, headers and dependencies of foreign tasks, made our own.

Pure.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from runr.interchange.external_task import ExternalStatus, ExternalTask
from runr.query.graph import leads
from runr.tasks import templates
from runr.tasks.model import TaskType
from runr.text import one_line

Action = Literal["write", "known", "taken", "leave"]
DonePolicy = Literal["attest", "pending", "skip"]

_NAME_BYTES = 180
_CONTROLS = re.compile(r"[\0-\x08\x0b-\x1f\x7f]")
# What the worker `script` would run; text from elsewhere only becomes that by somebody's hand.
_RUN = re.compile(r"((?:`{3,}|~{3,})[^\S\n]*sh)[^\S\n]+run(?=[^\S\n]*$)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """How the user wants it; `into` is a folder below the tasks folder, or nothing."""

    tool: str
    into: str = ""
    tags: tuple[str, ...] = ()
    done: DonePolicy = "attest"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """What becomes of one foreign task; `name` is its path below the tasks folder."""

    source: str
    task: ExternalTask
    action: Action
    name: str = ""
    content: bytes = b""
    depends_on: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Tell whether it is to be recorded as completed."""
        return self.action in ("write", "known") and self.task.claim is ExternalStatus.DONE


def plan_import(
    tasks: Sequence[ExternalTask],
    options: ImportOptions,
    known: Mapping[str, str],
    there: Collection[str],
) -> tuple[PlannedTask, ...]:
    """Return what becomes of `tasks`, in their order.

    `known` maps the sources that were imported before to names, `there` holds
    the names that are not free.
    """
    fates = [_fate(task, options) for task in _distinct(tasks)]
    rows = {row.task.id: row for row in _named(fates, options, known, there)}
    needs, notes = _dependencies(rows)
    message = [replace(row, notes=(*row.notes, *notes[own])) for own, row in rows.items()]
    return tuple(
        _written(row, rows, needs[row.task.id]) if row.action == "write" else row for row in message
    )


def _distinct(tasks: Iterable[ExternalTask]) -> list[ExternalTask]:
    """Give a second task with the same id, as merged branches leave them, an id of its own."""
    seen: dict[str, int] = {}
    found = []
    for task in tasks:
        seen[task.id] = number = seen.get(task.id, 0) + 1
        found.append(task if number == 1 else replace(task, id=f"{task.id}#{number}"))
    return found


def _fate(task: ExternalTask, options: ImportOptions) -> PlannedTask:
    source = f"{options.tool}:{one_line(task.id)}"
    task = replace(task, tags=tuple(dict.fromkeys((*filter(None, task.tags), *options.tags))))
    if task.claim is ExternalStatus.DROPPED:
        note = f"{one_line(task.said)} there"
        return PlannedTask(source=source, task=task, action="leave", notes=(note,))
    if task.claim is ExternalStatus.DONE and options.done == "skip":
        return PlannedTask(source=source, task=task, action="leave", notes=("done there",))
    notes: tuple[str, ...] = ()
    if task.claim is ExternalStatus.HELD:
        task = replace(task, type=TaskType.MANUAL)
        notes = (f"{one_line(task.said)} there: manual here, so that no run takes it up by itself",)
    return PlannedTask(source=source, task=task, action="write", notes=notes)


def _named(
    rows: Sequence[PlannedTask],
    options: ImportOptions,
    known: Mapping[str, str],
    there: Collection[str],
) -> list[PlannedTask]:
    taken = {name.casefold() for name in there}
    given: set[str] = set()
    named = []
    for row in rows:
        if row.action == "leave":
            named.append(row)
        elif row.source in known:
            named.append(replace(row, action="known", name=known[row.source], notes=()))
        else:
            name = _free(_path(row.task, options), given)
            given.add(name.casefold())
            action: Action = "taken" if name.casefold() in taken else "write"
            named.append(replace(row, name=name, action=action))
    return named


def _path(task: ExternalTask, options: ImportOptions) -> str:
    parts = (
        options.into,
        safe_text(task.folder) if task.folder else "",
        f"{safe_text(task.stem)}.md",
    )
    return "/".join(part for part in parts if part)


def safe_text(stem: str) -> str:
    """Return `stem` as a file name that leads nowhere else and is not hidden."""
    kept = re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFC", stem))
    kept = re.sub(r"\.{2,}", ".", kept).encode()[:_NAME_BYTES].decode(errors="ignore")
    kept = kept.strip(".-_")
    return kept.removesuffix(".md") or "task"


def _free(name: str, given: Collection[str]) -> str:
    number, stem = 1, name.removesuffix(".md")
    while name.casefold() in given:
        number += 1
        name = f"{stem}-{number}.md"
    return name


def _dependencies(
    rows: Mapping[str, PlannedTask],
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return each id's dependencies that can be kept, and what is to be said of the others."""
    needs: dict[str, list[str]] = {}
    notes: dict[str, list[str]] = {own: [] for own in rows}
    for own, row in rows.items():
        kept, message = _kept(own, row, rows)
        needs[own] = kept
        notes[own] += message
    families = [(own, row.task.parent) for own, row in rows.items() if row.action != "leave"]
    here = [(own, parent) for own, parent in families if parent in needs and parent != own]
    # The parts begin when the whole could have begun, and the whole is finished when they are.
    for own, parent in here:
        for before in needs[parent]:
            if rows[before].task.parent != parent:
                _wait(needs, before=before, after=own)
    for own, parent in here:
        if rows[parent].action != "leave":
            _wait(needs, before=own, after=parent)
    for own in _stuck(needs):
        if leads(needs.__getitem__, own, own):
            notes[own].append("waits for itself, by way of what it waits for: nobody can begin")
    return needs, notes


def _kept(
    own: str, row: PlannedTask, rows: Mapping[str, PlannedTask]
) -> tuple[list[str], list[str]]:
    kept, message = [], []
    for wanted in dict.fromkeys(row.task.depends_on):
        if wanted == own:
            message.append("depends on itself there: left out")
        elif wanted not in rows:
            message.append(f"depends on {one_line(wanted)}, which is not in the file: left out")
        elif rows[wanted].action != "leave":
            kept.append(wanted)
        elif rows[wanted].task.claim is ExternalStatus.DROPPED:
            said = one_line(rows[wanted].task.said)
            message.append(f"depends on {one_line(wanted)}, which is {said} there: left out")
    return kept, message


def _wait(needs: dict[str, list[str]], *, before: str, after: str) -> None:
    """Let `after` wait for `before`, unless that would lead round in a circle."""
    if before not in (after, *needs[after]) and not leads(needs.__getitem__, before, after):
        needs[after].append(before)


def _stuck(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what can never begin: the tasks in circles, and those behind them."""
    waiting = {own: len(set(before)) for own, before in needs.items()}
    behind: dict[str, list[str]] = {own: [] for own in needs}
    for own, before in needs.items():
        for other in set(before):
            behind[other].append(own)
    free = [own for own, number in waiting.items() if not number]
    while free:
        for own in behind[free.pop()]:
            waiting[own] -= 1
            if not waiting[own]:
                free.append(own)
    return [own for own, number in waiting.items() if number]


def _written(
    row: PlannedTask, rows: Mapping[str, PlannedTask], needs: Sequence[str]
) -> PlannedTask:
    """Return the row with the task file's bytes."""
    task, names = row.task, [_beside(row.name, rows[own].name) for own in needs]
    body, runs = _RUN.subn(r"\1", _CONTROLS.sub("", task.body.replace("\r\n", "\n")))
    see = "\n".join(f"- {one_line(message)}" for message in task.related)
    parts = [
        _header(row, names),
        f"# {task.title}",
        body.strip("\n"),
        see and f"## See also\n\n{see}",
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    notes = row.notes
    if runs:
        notes = (*notes, "a block marked `sh run` is plain text here")
    return replace(row, depends_on=tuple(names), notes=notes, content=text.encode(errors="replace"))


def _beside(own: str, other: str) -> str:
    """Return `other` as a task in the folder of `own` names it."""
    folder = own.rpartition("/")[0]
    here = other.rpartition("/")[0] == folder
    return (other.rpartition("/")[2] if here else other).removesuffix(".md")


def _header(row: PlannedTask, names: Sequence[str]) -> str:
    task = row.task
    lines = [f"source: {templates.scalar(row.source)}"]
    if task.type is not TaskType.AUTOMATED:
        lines.append(f"type: {task.type}")
    if names:
        lines.append(f"depends_on: {templates.listed(names)}")
    if task.tags:
        lines.append(f"tags: {templates.listed([one_line(tag) for tag in task.tags])}")
    if task.priority:
        lines.append(f"priority: {task.priority}")
    return "\n".join(["---", *lines, "---"])
