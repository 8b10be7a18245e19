"""A task file's bytes as a task: title, fields, digest and problems. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping

from runr.tasks.document import Source, split
from runr.tasks.fields import STATUS_KEYS, Header, typed
from runr.tasks.model import Problem, Task, WorkerOptions

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_HEADING = re.compile(r" {0,3}#[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*")
_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)])


def parse(path: str, content: bytes) -> Task:
    """Return the task in `content`; whatever is wrong with it stands in its problems.

    `path` is relative to the repository.
    """
    source = split(content)
    header, problems = _header(source)
    usable = all(problem.severity == "warning" for problem in problems)
    fields, wrong = typed(header)
    return Task(
        path=path,
        title=_clean(fields.title or "") or _clean(_heading(source.body)) or stem(path),
        type=fields.type,
        depends_on=fields.depends_on,
        owns=fields.owns,
        verify=fields.verify,
        tier=fields.tier,
        worker=fields.worker,
        worker_options=WorkerOptions.model_validate(fields, from_attributes=True),
        tags=fields.tags,
        stale_on=fields.stale_on,
        priority=fields.priority,
        timeout_s=fields.timeout,
        source=fields.source,
        sha256=_digest(header.values, source.body) if usable else _sha256(content),
        problems=(*problems, *wrong),
    )


def body(content: bytes) -> str:
    """Return the text below the header, with LF line ends and no blank lines around it."""
    return split(content).body


def stem(path: str) -> str:
    """Return the file's name without folders and ending: a task's title when it has no other."""
    return path.rsplit("/", 1)[-1].removesuffix(".md")


def _header(source: Source) -> tuple[Header, tuple[Problem, ...]]:
    if source.header is None or not source.header.strip():
        return Header(), source.problems
    # Imports YAML, which a task without a header, or a body alone, need not pay for.
    from runr.tasks.frontmatter import read  # noqa: PLC0415 - see above

    found = read(source.header, source.opened)
    if isinstance(found, Problem):
        return Header(), (*source.problems, found)
    return found, source.problems


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
    return " ".join(title.split()).translate(_CONTROLS)


def _digest(values: Mapping[str, object], text: str) -> str:
    kept = {key: value for key, value in values.items() if key not in STATUS_KEYS}
    canonical = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    # Status keys come and go, and editors reflow: neither makes it another task.
    return _sha256(f"{canonical}\0{' '.join(text.split())}".encode(errors="surrogatepass"))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
