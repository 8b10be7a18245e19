"""The task files that an import writes: a safe name, and header, title and text. Pure."""

import re
import unicodedata
from collections.abc import Collection, Sequence

from runr.interchange.external_task import ExternalTask
from runr.tasks import templates
from runr.tasks.model import TaskType
from runr.text import one_line

_NAME_BYTES = 180
_CONTROLS = re.compile(r"[\0-\x08\x0b-\x1f\x7f]")
# What the worker `script` would run; text from elsewhere only becomes that by a person's hand.
_RUN = re.compile(r"((?:`{3,}|~{3,})[^\S\n]*sh)[^\S\n]+run(?=[^\S\n]*$)", re.MULTILINE)


def path_of(task: ExternalTask, into: str) -> str:
    """Return the path below the tasks folder that the task would have, in the folder `into`."""
    folder = safe_stem(task.folder) if task.folder else ""
    return "/".join(part for part in (into, folder, f"{safe_stem(task.stem)}.md") if part)


def safe_stem(stem: str) -> str:
    """Return `stem` as a file name that leads nowhere else and is not hidden."""
    kept = re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFC", stem))
    kept = re.sub(r"\.{2,}", ".", kept).encode()[:_NAME_BYTES].decode(errors="ignore")
    kept = kept.strip(".-_")
    return kept.removesuffix(".md") or "task"


def unused(name: str, taken: Collection[str]) -> str:
    """Return `name`, numbered if one like it, in any case of letters, is in `taken`."""
    number, stem, own = 1, name.removesuffix(".md"), name
    while own.casefold() in taken:
        number += 1
        own = f"{stem}-{number}.md"
    return own


def beside(own: str, other: str) -> str:
    """Return `other` as a task in the folder of `own` names it."""
    folder = own.rpartition("/")[0]
    here = other.rpartition("/")[0] == folder
    return (other.rpartition("/")[2] if here else other).removesuffix(".md")


def has_script(body: str) -> bool:
    """Tell whether the text holds a block that the worker `script` would run."""
    return _RUN.search(_plain(body)) is not None


def render(
    task: ExternalTask, source: str, depends_on: Sequence[str], holds: Sequence[str]
) -> bytes:
    """Return the file's bytes; with `holds`, the task is manual and says why."""
    see = "\n".join(f"- {one_line(link)}" for link in task.related)
    parts = (
        _header(task, source, depends_on, holds),
        f"# {task.title}",
        f"> Imported on hold: {'; '.join(holds)}." if holds else "",
        _RUN.sub(r"\1", _plain(task.body)).strip("\n"),
        see and f"## See also\n\n{see}",
    )
    return ("\n\n".join(filter(None, parts)) + "\n").encode(errors="replace")


def _plain(body: str) -> str:
    return _CONTROLS.sub("", body.replace("\r\n", "\n"))


def _header(
    task: ExternalTask, source: str, depends_on: Sequence[str], holds: Sequence[str]
) -> str:
    lines = [f"source: {templates.scalar(source)}"]
    if holds:
        lines.append(f"type: {TaskType.MANUAL}")
    if depends_on:
        lines.append(f"depends_on: {templates.listed(depends_on)}")
    if task.tags:
        lines.append(f"tags: {templates.listed([one_line(tag) for tag in task.tags])}")
    if task.priority:
        lines.append(f"priority: {task.priority}")
    return "\n".join(["---", *lines, "---"])
