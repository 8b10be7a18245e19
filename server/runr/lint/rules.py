"""`runr lint`: problems of task files, and what is wrong with settings and records."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, product

from runr.errors import RunrError
from runr.execution.readiness import is_command
from runr.lint import finding, records
from runr.lint.finding import Diagnostic
from runr.project import Project
from runr.query.backlog import linked_pairs
from runr.query.graph import Graph
from runr.query.models import Result
from runr.scope.patterns import PathIndex
from runr.status.model import Entry, State
from runr.tasks import repository
from runr.tasks.model import Task, short_name

# The number of tasks with one path in scope of which all pairs are compared; more add nothing.
_CROWD = 40


def find_overlaps(
    open_tasks: Iterable[Task], graph: Graph, files: Sequence[str]
) -> list[Diagnostic]:
    """Return one warning for each pair; `files` are those of the repository, for patterns."""
    owners = _owners(open_tasks, files)
    places: dict[tuple[str, str], str] = {}
    for place, above in _shared(owners):
        here, there = owners[place][:_CROWD], owners[above][:_CROWD]
        pairs = combinations(here, 2) if place == above else product(here, there)
        for one, other in map(sorted, pairs):
            if one != other:
                places.setdefault((one, other), place)
    needs = {path: edge.paths for path, edge in graph.edges.items()}
    ordered = linked_pairs(needs, places)
    return [_overlap(*pair, places[pair]) for pair in sorted(places) if pair not in ordered]


def _overlap(one: str, other: str, place: str) -> Diagnostic:
    name = short_name(other)
    message = f"{name} owns {place}, too, and neither depends on the other"
    return Diagnostic(rule="scope-overlap", severity="warning", path=one, message=message)


def _owners(tasks: Iterable[Task], files: Sequence[str]) -> dict[str, list[str]]:
    """Map each path to the tasks that own it; a pattern is expanded to the files it matches."""
    found: dict[str, list[str]] = {}
    index = PathIndex(files)
    for task in tasks:
        for pattern in task.owns:
            places: Sequence[str]
            if set(pattern) & set("*?"):
                places = index.matching(pattern)
            else:
                places = [pattern.removeprefix("./").strip("/") or "."]
            for place in places:
                found.setdefault(place, []).append(task.path)
    return found


def _shared(owners: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield each place with itself and every place above it that is owned, too."""
    for place in sorted(owners):
        parts = place.split("/")
        above = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
        yield from ((place, folder) for folder in {".", *above} if folder in owners)


# The program of a command, behind what is assigned in front of it.
_PROGRAM = re.compile(r"(?:\w+=(?:'[^']*'|\"[^\"]*\"|[^\s'\"]*)\s+)*+([\w./+:@-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LintResult(Result):
    """All findings; `passed` is whether the exit code is 0."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    task_count: int
    error_count: int
    warning_count: int
    passed: bool


def lint_tasks(project: Project, wanted: Sequence[str] = (), *, strict: bool = False) -> LintResult:
    """Look at the tasks `wanted`, by default at all and at what is recorded of them."""
    tasks = project.tasks()
    recorded = records.read(project)
    paths = {task.path for task in tasks}
    chosen = {name if name in paths else project.find_task(name, tasks).path for name in wanted}
    found = [
        *_tasks(project, tasks, recorded.entries),
        *records.settings_diagnostics(project),
        *records.job_diagnostics(project),
        *records.ignored_diagnostics(project),
        *recorded.diagnostics,
        *records.journal_diagnostics(project),
        *records.committed_diagnostics(project),
        *records.entry_diagnostics(project, tasks, recorded.entries),
    ]
    if chosen:
        found = [each for each in found if each.path in chosen]
    found = sorted(_placed(project, found), key=lambda each: (each.path, each.line or 0, each.rule))
    errors = sum(each.severity == "error" for each in found)
    return LintResult(
        diagnostics=found,
        task_count=len(chosen) or len(tasks),
        error_count=errors,
        warning_count=len(found) - errors,
        passed=not found if strict else not errors,
    )


def _tasks(
    project: Project, tasks: Sequence[Task], entries: Mapping[str, Entry]
) -> Iterator[Diagnostic]:
    graph = Graph.of(tasks)
    known: dict[str, bool] = {}
    for task in tasks:
        yield from finding.header_diagnostics(task)
        yield from finding.scope_diagnostics(task)
        for command in task.verify:
            yield from _command(project, task, command, known)
    yield from finding.dependency_diagnostics(tasks, graph)
    yield from finding.cycle_diagnostics(graph)
    yield from finding.name_diagnostics(tasks)
    closed = {path for path, entry in entries.items() if entry.status is State.COMPLETED}
    owning = [task for task in tasks if task.owns and task.path not in closed]
    yield from find_overlaps(owning, graph, _files(project, owning))


def _files(project: Project, owning: Sequence[Task]) -> Sequence[str]:
    """Return the files of the repository, where a pattern has to be held against them."""
    if not any(set(pattern) & set("*?") for task in owning for pattern in task.owns):
        return ()
    return project.repo.fields("ls-files", "-z")


def _command(
    project: Project, task: Task, command: str, known: dict[str, bool]
) -> Iterator[Diagnostic]:
    program = _PROGRAM.match(command.strip())
    if program is None:
        return
    word = program[1]
    if word not in known:
        here = project.layout.root / word
        plain = "/" not in word
        known[word] = is_command(word, project.environment) if plain else here.is_file()
    if not known[word]:
        where = "in the repository" if "/" in word else "on PATH"
        message = f"`{word}` of the check `{command}` is not {where}"
        yield Diagnostic(rule="command", severity="warning", path=task.path, message=message)


def _placed(project: Project, found: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Add the line number of the value to findings about a header."""
    texts: dict[str, list[str]] = {}
    for each in found:
        key = {"dependency": "depends_on", "cycle": "depends_on", "command": "verify"}.get(
            each.rule, "owns" if each.rule.startswith("scope-") else ""
        )
        if not key:
            yield each
            continue
        lines = texts.setdefault(each.path, _lines(project, each.path))
        starts = (number for number, line in enumerate(lines, 1) if line.startswith(f"{key}:"))
        yield replace(each, line=next(starts, None))


def _lines(project: Project, path: str) -> list[str]:
    try:
        return repository.read_content(project.layout, path).decode(errors="replace").split("\n")
    except RunrError:
        return []
