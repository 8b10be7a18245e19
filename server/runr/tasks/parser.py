"""A task file's bytes as a task: title, fields, digest and problems. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from runr.tasks import plain_header
from runr.tasks.document import Source, split
from runr.tasks.fields import STATUS_KEYS, Header, typed
from runr.tasks.model import NO_OPTIONS, Problem, Task, WorkerOptions

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_HEADING = re.compile(r" {0,3}#[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*")
# The last ones are marks of direction, which show letters in another order.
_CONTROLS = dict.fromkeys(
    [*range(32), *range(127, 160), 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
_OPTIONS = frozenset(WorkerOptions._fields)
_CANONICAL = json.JSONEncoder(sort_keys=True, check_circular=False, separators=(",", ":"))


def parse(path: str, content: bytes) -> Task:
    """Return the task in `content`; errors are listed in its `problems`.

    `path` is relative to the repository.
    """
    source = split(content)
    values, fields, problems = _header(source)
    title = fields.pop("title", "")
    timeout_s = fields.pop("timeout", None)
    return Task(
        path=path,
        title=_clean(title) or _clean(_heading(source.body)) or stem(path),
        worker_options=_worker_options(fields),
        timeout_s=timeout_s,
        sha256=_sha256(content) if values is None else _digest(values, source.body),
        problems=tuple(problems),
        **fields,
    )


def body(content: bytes) -> str:
    """Return the text below the header, with LF line ends and no blank lines around it."""
    return split(content).body


def stem(path: str) -> str:
    """Return the file's name without folders and ending: a task's title when it has no other."""
    return path.rsplit("/", 1)[-1].removesuffix(".md")


def _header(source: Source) -> tuple[Mapping[str, object] | None, dict[str, Any], list[Problem]]:
    """Return the header's values, the same with types, and all problems of the file.

    The values are None where they cannot be relied on.
    """
    problems = list(source.problems)
    reliable = all(problem.severity == "warning" for problem in problems)
    if source.header is None or not source.header.strip():
        return ({} if reliable else None), {}, problems
    values = plain_header.read(source.header)
    if values is not None:
        fields, unfit = typed(Header(values=values))
        if not unfit:
            return (values if reliable else None), fields, problems
    # Imports YAML, which knows the lines that problems name; most headers do not need it.
    from runr.tasks.frontmatter import read  # noqa: PLC0415 - see above

    found = read(source.header, source.opened)
    if isinstance(found, Problem):
        reliable = reliable and found.severity == "warning"
        return ({} if reliable else None), {}, [*problems, found]
    fields, unfit = typed(found)
    return (found.values if reliable else None), fields, [*problems, *unfit]


def _worker_options(fields: dict[str, Any]) -> WorkerOptions:
    """Take what is asked of the worker out of `fields`."""
    options = {key: fields.pop(key) for key in _OPTIONS & fields.keys()}
    return WorkerOptions(**options) if options else NO_OPTIONS


def _heading(text: str) -> str:
    """Return the first `# ` heading outside code fences, or nothing."""
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.fullmatch(line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
        elif mark:
            fence = mark[1]
        elif (found := _HEADING.fullmatch(line)) and found[1]:
            return found[1]
    return ""


def _clean(title: str) -> str:
    """Return `title` on one line, without what a terminal would obey."""
    flat = " ".join(title.split())
    return flat if flat.isprintable() else flat.translate(_CONTROLS)


def _digest(values: Mapping[str, object], text: str) -> str:
    if not STATUS_KEYS.isdisjoint(values):
        values = {key: value for key, value in values.items() if key not in STATUS_KEYS}
    canonical = _CANONICAL.encode(values)
    # Status keys come and go, and editors reflow: neither makes it another task.
    return _sha256(f"{canonical}\0{' '.join(text.split())}".encode(errors="surrogatepass"))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
