"""Verify tasks and their records: everything that would surprise somebody later."""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from runr.app.answers import Answer
from runr.app.project import Project
from runr.core import finding, overlap
from runr.core.finding import Finding
from runr.core.graph import Graph
from runr.core.status import UNTOUCHED, Entry, Evidence, State
from runr.core.task import Task
from runr.errors import RunrError
from runr.store import taskfiles

# What `sh` knows itself.
_BUILTINS = frozenset(
    re.split(
        r"\s+",
        "! . : [ alias bg break case cd command continue echo eval exec exit export false fg for "
        "getopts hash if jobs kill printf pwd read return set shift test times trap true type "
        "ulimit umask unalias unset until wait while",
    )
)
# The program of a command, behind what is assigned in front of it.
_PROGRAM = re.compile(r"(?:\w+=(?:'[^']*'|\"[^\"]*\"|[^\s'\"]*)\s+)*+([\w./+:@-]+)")


class Verified(Answer):
    """All findings; `passed` is whether the exit code is 0."""

    findings: list[Finding] = Field(default_factory=list)
    tasks: int
    errors: int
    warnings: int
    passed: bool


def verify(project: Project, wanted: Sequence[str] = (), *, strict: bool = False) -> Verified:
    """Look at the tasks `wanted`, by default at all and at what is recorded of them."""
    tasks, entries = project.tasks(), project.entries()
    paths = {task.path for task in tasks}
    chosen = {name if name in paths else project.find_task(name, tasks).path for name in wanted}
    found = [*_tasks(project, tasks, entries), *_records(project, tasks, entries)]
    if chosen:
        found = [each for each in found if each.path in chosen]
    found = sorted(_placed(project, found), key=lambda each: (each.path, each.line or 0, each.rule))
    errors = sum(each.severity == "error" for each in found)
    return Verified(
        findings=found,
        tasks=len(chosen) or len(tasks),
        errors=errors,
        warnings=len(found) - errors,
        passed=not found if strict else not errors,
    )


def _tasks(
    project: Project, tasks: Sequence[Task], entries: Mapping[str, Entry]
) -> Iterator[Finding]:
    graph = Graph.of(tasks)
    names = [task.name.removesuffix(".md") for task in tasks]
    known: dict[str, bool] = {}
    for task in tasks:
        yield from finding.of_header(task)
        yield from finding.of_dependencies(task, graph.edges[task.path], names)
        for command in task.verify:
            yield from _command(project, task, command, known)
    yield from finding.of_cycles(graph)
    closed = {path for path, entry in entries.items() if entry.status is State.COMPLETED}
    owning = [task for task in tasks if task.owns and task.path not in closed]
    yield from overlap.find(owning, graph, _files(project, owning))


def _files(project: Project, owning: Sequence[Task]) -> Sequence[str]:
    """Return the files of the repository, where a pattern has to be held against them."""
    if not any(set(pattern) & set("*?") for task in owning for pattern in task.owns):
        return ()
    return project.repo.fields("ls-files", "-z")


def _command(
    project: Project, task: Task, command: str, known: dict[str, bool]
) -> Iterator[Finding]:
    program = _PROGRAM.match(command.strip())
    if program is None or program[1] in _BUILTINS:
        return
    word = program[1]
    if word not in known:
        here = project.layout.root / word
        known[word] = here.is_file() if "/" in word else _installed(project, word)
    if not known[word]:
        where = "in the repository" if "/" in word else "on PATH"
        message = f"`{word}` of the check `{command}` is not {where}"
        yield Finding(rule="command", severity="warning", path=task.path, message=message)


def _installed(project: Project, word: str) -> bool:
    return shutil.which(word, path=project.environment.get("PATH")) is not None


def _records(
    project: Project, tasks: Sequence[Task], entries: Mapping[str, Entry]
) -> Iterator[Finding]:
    there = {task.path for task in tasks}
    missing = _missing_commits(project, entries)
    for path, entry in entries.items():
        if path not in there and entry != UNTOUCHED:
            message = f"its status is {entry.status}, and the file is gone: was it renamed?"
            yield Finding(rule="orphan", severity="warning", path=path, message=message)
        if entry.status is not State.COMPLETED:
            continue
        sha = entry.checkpoint_sha
        if sha in missing:
            message = f"it counts as completed, and its commit {(sha or '')[:12]} is not here"
            yield Finding(rule="commit", severity="error", path=path, message=message)
        elif not sha and not _has_run(project, entry) and entry.evidence is not Evidence.INFERRED:
            run = (
                f"its run {entry.last_run_id} is not here" if entry.last_run_id else "it has no run"
            )
            message = f"it counts as completed, and {run} and no commit: nothing proves it"
            yield Finding(rule="evidence", severity="error", path=path, message=message)


def _has_run(project: Project, entry: Entry) -> bool:
    run = entry.last_run_id
    return bool(run) and project.layout.run(run or "").timeline.exists()


def _missing_commits(project: Project, entries: Mapping[str, Entry]) -> set[str]:
    shas = sorted({entry.checkpoint_sha for entry in entries.values() if entry.checkpoint_sha})
    if not shas:
        return set()
    lines = "".join(f"{sha}^{{commit}}\n" for sha in shas).encode()
    told = project.repo.run("cat-file", "--batch-check", stdin=lines).decode().splitlines()
    return {sha for sha, line in zip(shas, told, strict=True) if line.endswith(" missing")}


def _placed(project: Project, found: Sequence[Finding]) -> Iterator[Finding]:
    """Give findings about a header's value the line on which it stands."""
    texts: dict[str, list[str]] = {}
    for each in found:
        key = {"dependency": "depends_on", "cycle": "depends_on", "command": "verify"}.get(
            each.rule, "owns" if each.rule == "scope-overlap" else ""
        )
        if not key:
            yield each
            continue
        lines = texts.setdefault(each.path, _lines(project, each.path))
        starts = (number for number, line in enumerate(lines, 1) if line.startswith(f"{key}:"))
        yield each.model_copy(update={"line": next(starts, None)})


def _lines(project: Project, path: str) -> list[str]:
    try:
        return taskfiles.read_content(project.layout, path).decode(errors="replace").split("\n")
    except RunrError:
        return []
