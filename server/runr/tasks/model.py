"""What a task is: the header as the user meant it, and what is wrong with it. Pure."""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict


class TaskType(StrEnum):
    """Who does the work."""

    AUTOMATED = "automated"
    MANUAL = "manual"
    HYBRID = "hybrid"


#: How far a task is checked.
Tier = Literal["tier0", "tier1", "tier2"]

#: What a completed task can be watched for.
Watched = Literal["text", "owns", "dependency", "reverted"]


class Problem(BaseModel):
    """Something about a task file that its author should mend.

    `line` counts from 1 and is None where the whole file is meant. An error
    keeps the task from being run; a warning does not.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    line: int | None = None
    severity: Literal["error", "warning"] = "error"


class WorkerOptions(BaseModel):
    """What a task asks of its worker; None leaves it to the settings.

    `budget_usd` is for all attempts together, `max_turns` for each.
    """

    model_config = ConfigDict(frozen=True)

    model: str | None = None
    permission_mode: str | None = None
    allowed_tools: tuple[str, ...] | None = None
    budget_usd: float | None = None
    max_turns: int | None = None
    extra_args: tuple[str, ...] | None = None


class Task(BaseModel):
    """One task file, without its body.

    `path` is relative to the repository, with forward slashes. `depends_on`
    holds the names as written; `core.graph` resolves them. `sha256` covers
    header and body without status keys and without differences in white space.
    `source` says which task of another tool it was imported from.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    title: str
    type: TaskType = TaskType.AUTOMATED
    depends_on: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    tier: Tier | None = None
    worker: str | None = None
    worker_options: WorkerOptions = WorkerOptions()
    tags: tuple[str, ...] = ()
    stale_on: tuple[Watched, ...] = ()
    priority: int = 0
    timeout_s: int | None = None
    source: str | None = None
    sha256: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """The path below the tasks folder: what people call the task."""
        return self.path.removeprefix(".runr/tasks/")

    @property
    def error(self) -> Problem | None:
        """The first problem that keeps the task from being run."""
        return next((p for p in self.problems if p.severity == "error"), None)
