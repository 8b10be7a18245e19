"""A task: what its file asks for, and the problems of that file. Pure.

Named tuples, because a listing makes ten thousand of them, and defines them each time it starts.
"""

from enum import StrEnum
from typing import Literal, NamedTuple


class TaskType(StrEnum):
    """Who does the work."""

    AUTOMATED = "automated"
    MANUAL = "manual"
    HYBRID = "hybrid"


#: The level up to which a task is checked.
Tier = Literal["tier0", "tier1", "tier2"]

#: What can make a completed task stale.
Watched = Literal["text", "owns", "dependency", "reverted"]


class Problem(NamedTuple):
    """A problem of a task file that its author has to fix.

    `line` counts from 1 and is None where the whole file is meant. An error
    keeps the task from being run; a warning does not.
    """

    code: str
    message: str
    line: int | None = None
    severity: Literal["error", "warning"] = "error"


class WorkerOptions(NamedTuple):
    """What a task asks of its worker; None leaves it to the settings.

    `budget_usd` is for all attempts together, `max_turns` for each.
    """

    model: str | None = None
    permission_mode: str | None = None
    allowed_tools: tuple[str, ...] | None = None
    budget_usd: float | None = None
    max_turns: int | None = None
    extra_args: tuple[str, ...] | None = None


NO_OPTIONS = WorkerOptions()


class Task(NamedTuple):
    """One task file, without its body.

    `path` is relative to the repository, with forward slashes. `depends_on`
    holds the names as written; `query.graph` resolves them. `sha256` covers
    header and body without status keys and without differences in white space.
    `source` names the task of another tool that it was imported from.
    """

    path: str
    title: str
    type: TaskType = TaskType.AUTOMATED
    depends_on: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    tier: Tier | None = None
    worker: str | None = None
    worker_options: WorkerOptions = NO_OPTIONS
    tags: tuple[str, ...] = ()
    stale_on: tuple[Watched, ...] = ()
    priority: int = 0
    timeout_s: int | None = None
    source: str | None = None
    sha256: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """The path below the tasks folder, by which people call the task."""
        return short_name(self.path)

    @property
    def error(self) -> Problem | None:
        """The first problem that keeps the task from being run."""
        return next((p for p in self.problems if p.severity == "error"), None)


def short_name(path: str) -> str:
    """Return the path of a task below the folder of the tasks, as messages call it."""
    return path.removeprefix(".runr/tasks/")
