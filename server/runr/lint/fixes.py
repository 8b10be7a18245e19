"""Fix in task files what needs no decision, and show it as a diff first."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from runr.errors import RunrError
from runr.project import Project
from runr.query.models import Result
from runr.storage import files
from runr.tasks import repository
from runr.tasks.document import split

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class FixResult(Result):
    """The files that were, or would be, changed, and how."""

    dry_run: bool
    changed: list[str] = field(default_factory=list)
    diff: str = ""


def fix_files(project: Project, wanted: Sequence[str] = (), *, dry_run: bool) -> FixResult:
    """Take a byte order mark away, and Windows line ends; nothing else is touched."""
    if not dry_run:
        project.refuse_inside("a run does not change the tasks of others")
    tasks = project.tasks()
    chosen = [project.find_task(name, tasks) for name in wanted] or list(tasks)
    changed, diffs = [], []
    for task in chosen:
        try:
            before = repository.read_content(project.layout, task.path)
        except RunrError:
            continue
        after = fixed_text(before)
        if after == before:
            continue
        changed.append(task.path)
        diffs.append(_diff(task.path, before, after))
        if not dry_run:
            files.replace((project.layout.root / task.path).resolve(), after)
    return FixResult(dry_run=dry_run, changed=changed, diff="".join(diffs))


def fixed_text(content: bytes) -> bytes:
    """Return the content of a task file without what runr warns about around its text."""
    if any(problem.code == "not_utf8" for problem in split(content).problems):
        return content
    return content.removeprefix(_BOM).replace(b"\r\n", b"\n")


def _diff(path: str, before: bytes, after: bytes) -> str:
    # Only a fixed file pays for this import.
    import difflib  # noqa: PLC0415 - see above

    # What changes is invisible: it is shown by its name.
    old = before.decode().replace("\ufeff", "<BOM>").replace("\r", "<CR>").splitlines(keepends=True)
    new = after.decode().replace("\r", "<CR>").splitlines(keepends=True)
    return "".join(difflib.unified_diff(old, new, f"a/{path}", f"b/{path}"))
