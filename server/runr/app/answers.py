"""What the use cases answer: the same models for `--json` and for MCP, so they stay stable."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["pending", "in_progress", "completed", "failed", "stopped"]
Kind = Literal["automated", "manual", "hybrid"]


class Answer(BaseModel):
    """A typed answer; optional facts have defaults so that they can be left out."""

    # Built when first used: a command needs two of these models, not all of them.
    model_config = ConfigDict(frozen=True, defer_build=True)


class TaskRow(Answer):
    """One task in a list."""

    path: str
    title: str
    status: Status
    type: Kind
    ready: bool = False
    stale: bool = False
    orphaned: bool = False
    unmerged: bool = False
    blocked_by: list[str] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    priority: int = 0
    problems: list[str] = Field(default_factory=list)
    verification: str = "none"
    evidence: str | None = None
    completed_at: str | None = None
    completed_by: str | None = None
    updated_at: str | None = None
    stop_reason: str | None = None
    last_run_id: str | None = None


class TaskList(Answer):
    """The tasks that were asked for; `total` counts them before paging."""

    tasks: list[TaskRow]
    total: int
    next_cursor: str | None = None
    next: str = ""


class TaskView(TaskRow):
    """One task, with everything that is known of it."""

    depends_on: list[str] = Field(default_factory=list)
    owns: list[str] = Field(default_factory=list)
    verify: list[str] = Field(default_factory=list)
    worker: str | None = None
    checkpoint_sha: str | None = None
    reason: str | None = None
    error: str | None = None
    attempts: int = 0
    revision: int = 0
    why: str = ""


class CheckView(Answer):
    """One check of a run."""

    tier: str
    command: str
    passed: bool
    exit_code: int | None = None
    seconds: float = 0
    tail: str = ""


class RunView(Answer):
    """Where a run stands; `seq` is the number of its last event."""

    id: str
    task: str
    worker: str
    status: Literal["running", "completed", "stopped"]
    phase: str | None = None
    seq: int = 0
    attempt: int = 0
    created_at: str
    ended_at: str | None = None
    seconds: float = 0
    verification: str = "none"
    checks: list[CheckView] = Field(default_factory=list)
    violations: list[str] = Field(default_factory=list)
    stop_reason: str | None = None
    detail: str | None = None
    checkpoint_sha: str | None = None
    changed: int | None = None
    branch: str | None = None
    integration: str | None = None
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    session_id: str | None = None
    approved_by: str | None = None
    reason: str | None = None
    forced: str | None = None
    folder: str = ""
    exit_code: int | None = None
    next: list[str] = Field(default_factory=list)


class TaskDetail(Answer):
    """One task with its current or last run."""

    task: TaskView
    run: RunView | None = None
    commits: list[str] = Field(default_factory=list)
    next: str = ""


class RunList(Answer):
    """Runs, newest first."""

    runs: list[RunView]
    total: int


class RunAnswer(Answer):
    """What became of the wish to run a task; `brief` is for a session that works itself."""

    run: RunView
    brief: str | None = None
    next: str = ""


class CompleteAnswer(Answer):
    """What became of the wish to complete a task; `run` is None where no record of it is here."""

    task: TaskView
    run: RunView | None = None
    completed: bool
    next: str = ""


class RunReport(Answer):
    """A run's report, as data and as Markdown."""

    run: RunView
    markdown: str


class Done(Answer):
    """What a command did, and what to do next."""

    message: str
    changed: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    next: list[str] = Field(default_factory=list)
