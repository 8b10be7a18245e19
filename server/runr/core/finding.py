"""What is wrong with tasks and their records: one finding for each, with its place."""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from runr.core.graph import Edges, Graph
from runr.core.near import closest
from runr.core.task import Task

#: Every rule, and what it looks at.
RULES: Mapping[str, str] = {
    "header": "A task file that cannot be read as it is meant",
    "unknown-key": "A key in the header that runr does not know",
    "file": "Bytes around the text: byte order mark, line ends",
    "dependency": "A dependency that names no task, several, or the task itself",
    "cycle": "Tasks that wait for each other",
    "scope-overlap": "Tasks that could run at once and own the same files",
    "command": "A check whose program is not there",
    "evidence": "A completion with no record behind it",
    "commit": "A checkpoint commit that is not in the repository",
    "orphan": "A status whose task file is gone",
}

_RULE_OF = {"unknown_key": "unknown-key", "bom": "file", "crlf": "file", "not_utf8": "file"}


class Finding(BaseModel):
    """One thing to mend; `line` counts from 1 and is None where the whole file is meant."""

    model_config = ConfigDict(frozen=True)

    rule: str
    severity: Literal["error", "warning"]
    path: str
    message: str
    line: int | None = None


def of_header(task: Task) -> list[Finding]:
    """Return what is wrong with the file itself."""
    return [
        Finding(
            rule=_RULE_OF.get(problem.code, "header"),
            severity=problem.severity,
            path=task.path,
            message=problem.message,
            line=problem.line,
        )
        for problem in task.problems
    ]


def of_dependencies(task: Task, edges: Edges, names: Sequence[str]) -> list[Finding]:
    """Return the dependencies that lead to no task, or to several; `names` are all there are."""
    found = []
    for problem in edges.problems:
        name = problem.rpartition(" (")[0]
        near = closest(name.removesuffix(".md"), names) if "no such task" in problem else None
        hint = f"; did you mean `{near}`?" if near else ""
        message = f"depends on {problem}{hint}"
        found.append(Finding(rule="dependency", severity="error", path=task.path, message=message))
    return found


def of_cycles(graph: Graph) -> list[Finding]:
    """Return each way round once, at its first task."""
    ways = {frozenset(way): way for way in graph.cycles.values()}
    return [
        Finding(
            rule="cycle",
            severity="error",
            path=min(way),
            message=f"waits for itself: {' → '.join(_short(path) for path in way)}",
        )
        for way in ways.values()
    ]


def _short(path: str) -> str:
    return path.removeprefix(".runr/tasks/")
