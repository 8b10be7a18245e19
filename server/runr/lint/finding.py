"""Diagnostics: what is wrong with tasks and their records, each with its place. Pure."""

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from runr.query.graph import Graph
from runr.tasks.model import Task, short_name
from runr.text import closest_match, escape_controls

#: Every rule, and what it looks at.
RULES: Mapping[str, str] = {
    "header": "An invalid header",
    "unknown-key": "An unknown key in the header",
    "file": "Bytes around the text: byte order mark, line ends",
    "dependency": "A dependency that matches no task, several tasks, or the task itself",
    "cycle": "Tasks that depend on each other",
    "name-clash": "Task files whose names collide on some file systems",
    "scope-overlap": "Tasks that could run at once and own the same files",
    "scope-outside": "A path in `owns` that leads out of the repository",
    "command": "A check whose program was not found",
    "empty-check": "A check that passes whatever the work is",
    "config": "A setting that is invalid",
    "dependencies": "Dependencies of checks that are not those of the commit",
    "job": "A job file that cannot be used",
    "ignored-jobs": "Job files that git does not see",
    "record": "A damaged status file or journal of a run",
    "committed-run": "A record of a run that git tracks",
    "evidence": "A completion without a record",
    "commit": "A checkpoint commit that is not in the repository",
    "orphan": "A status entry without a task file",
}

#: Unknown names for which the near match is looked for.
_SEARCHES = 20

_RULE_OF = {
    "unknown_key": "unknown-key",
    "empty_check": "empty-check",
    "bom": "file",
    "crlf": "file",
    "not_utf8": "file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One problem to fix; `line` counts from 1 and is None where the whole file is meant."""

    rule: str
    severity: Literal["error", "warning"]
    path: str
    message: str
    line: int | None = None


def name_diagnostics(tasks: Iterable[Task]) -> Iterator[Diagnostic]:
    """Yield the files of which a checkout on macOS or Windows has only one."""
    first: dict[str, str] = {}
    for task in tasks:
        other = first.setdefault(unicodedata.normalize("NFC", task.path).casefold(), task.path)
        if other != task.path:
            message = (
                f"its name differs from {other} only in case or accents: "
                "on macOS and Windows one of the two is lost"
            )
            yield Diagnostic(rule="name-clash", severity="warning", path=task.path, message=message)


def scope_diagnostics(task: Task) -> Iterator[Diagnostic]:
    """Yield the paths in `owns` that no file of the repository can have."""
    for path in task.owns:
        if path.startswith(("/", "~")) or ".." in path.split("/"):
            message = f"owns {path}, which leads out of the repository, so that it matches no file"
            yield Diagnostic(
                rule="scope-outside", severity="warning", path=task.path, message=message
            )


def header_diagnostics(task: Task) -> list[Diagnostic]:
    """Return what is wrong with the file itself."""
    return [
        Diagnostic(
            rule=_RULE_OF.get(problem.code, "header"),
            severity=problem.severity,
            path=task.path,
            message=problem.message,
            line=problem.line,
        )
        for problem in task.problems
    ]


def dependency_diagnostics(tasks: Sequence[Task], graph: Graph) -> Iterator[Diagnostic]:
    """Yield the dependencies that lead to no task, or to several."""
    names = [task.name.removesuffix(".md") for task in tasks]
    near: dict[str, str | None] = {}
    for task in tasks:
        for problem in graph.edges[task.path].problems:
            name = problem.rpartition(" (")[0].removesuffix(".md")
            # Each search looks at all names, so only the first ones are worth it.
            if "no such task" in problem and name not in near and len(near) < _SEARCHES:
                near[name] = closest_match(name, names)
            hint = f"; did you mean `{near[name]}`?" if near.get(name) else ""
            message = f"depends on {problem}{hint}"
            yield Diagnostic(rule="dependency", severity="error", path=task.path, message=message)


def cycle_diagnostics(graph: Graph) -> list[Diagnostic]:
    """Return each way round once, at its first task."""
    ways = {frozenset(way): way for way in graph.cycles.values()}
    return [
        Diagnostic(
            rule="cycle",
            severity="error",
            path=min(way),
            message=f"waits for itself: {' → '.join(short_name(path) for path in way)}",
        )
        for way in ways.values()
    ]


_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_sarif(findings: Iterable[Diagnostic], version: str) -> str:
    """Return one SARIF log with one run."""
    rules = [{"id": rule, "shortDescription": {"text": meaning}} for rule, meaning in RULES.items()]
    driver = {"name": "runr", "version": version, "rules": rules}
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_result(each) for each in findings]}],
    }
    return escape_controls(json.dumps(log, indent=2, ensure_ascii=False)) + "\n"


def _result(finding: Diagnostic) -> Mapping[str, object]:
    # A place without a line is shown at the top of the file.
    region = {"startLine": finding.line or 1}
    return {
        "ruleId": finding.rule,
        "ruleIndex": list(RULES).index(finding.rule),
        "level": finding.severity,
        "message": {"text": finding.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding.path)},
                    "region": region,
                }
            }
        ],
    }
