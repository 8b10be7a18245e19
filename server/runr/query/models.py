"""What the use cases answer: the same models for `--json` and for MCP, so they stay stable."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["pending", "in_progress", "completed", "failed", "stopped"]
Kind = Literal["automated", "manual", "hybrid"]


class Result(BaseModel):
    """A typed answer; optional facts have defaults so that they can be left out."""

    # Built when first used: a command needs two of these models, not all of them.
    model_config = ConfigDict(frozen=True, defer_build=True)


class TaskSummary(Result):
    """One task in a list; `waiting` is for a person."""

    path: str
    title: str
    status: Status
    type: Kind
    ready: bool = False
    waiting: bool = False
    stale: bool = False
    stale_reasons: list[str] = Field(default_factory=list)
    orphaned: bool = False
    unmerged: bool = False
    blocked_by: list[str] = Field(default_factory=list)
    tags: list[str] = Field(default_factory=list)
    priority: int = 0
    worker: str | None = None
    problems: list[str] = Field(default_factory=list)
    verification: str = "none"
    evidence: str | None = None
    completed_at: str | None = None
    completed_by: str | None = None
    updated_at: str | None = None
    stop_reason: str | None = None
    last_run_id: str | None = None


class TaskList(Result):
    """The tasks that were asked for.

    `total` counts them before paging, `waiting` those that wait for a person.
    """

    tasks: list[TaskSummary]
    total: int
    waiting: int = 0
    next_cursor: str | None = None
    next: str = ""


class RootCause(Result):
    """Where the waiting of a blocked task begins, and why that task is not done."""

    path: str
    why: str


class TaskFields(TaskSummary):
    """One task, with everything that is known of it."""

    depends_on: list[str] = Field(default_factory=list)
    owns: list[str] = Field(default_factory=list)
    verify: list[str] = Field(default_factory=list)
    root_causes: list[RootCause] = Field(default_factory=list)
    checkpoint_sha: str | None = None
    reason: str | None = None
    error: str | None = None
    attempts: int = 0
    revision: int = 0
    why: str = ""


class CheckDetails(Result):
    """One check of a run; `runs` is 0 for one that was left out, above 1 for one run again."""

    tier: str
    command: str
    passed: bool
    flaky: bool = False
    runs: int = 1
    exit_code: int | None = None
    seconds: float = 0
    tail: str = ""


class RunDetails(Result):
    """Where a run stands; `seq` is the number of its last event.

    `milestones` are the plan's, each committed by the checkpoint in the same place;
    `review` is what the reviewer asked for, until it is done. `session`, `held_by`
    and `active_at` tell of the session that has it open.
    """

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
    checks: list[CheckDetails] = Field(default_factory=list)
    violations: list[str] = Field(default_factory=list)
    milestones: list[str] = Field(default_factory=list)
    checkpoints: list[str] = Field(default_factory=list)
    review: str | None = None
    reviewed_by: str | None = None
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
    session: Literal["active", "ended", "idle"] | None = None
    held_by: str | None = None
    active_at: str | None = None
    notes: list[str] = Field(default_factory=list)
    approved_by: str | None = None
    rejected_by: str | None = None
    reason: str | None = None
    forced: str | None = None
    folder: str = ""
    exit_code: int | None = None
    next: list[str] = Field(default_factory=list)


class TaskDetails(Result):
    """One task with its current or last run."""

    task: TaskFields
    run: RunDetails | None = None
    commits: list[str] = Field(default_factory=list)
    next: str = ""


class RunList(Result):
    """Runs, newest first."""

    runs: list[RunDetails]
    total: int


class RunResult(Result):
    """What became of the wish to run a task; `brief` is for a session that works itself."""

    run: RunDetails
    brief: str | None = None
    next: str = ""


class CompletionResult(Result):
    """What became of the wish to complete a task; `run` is None where no record of it is here."""

    task: TaskFields
    run: RunDetails | None = None
    completed: bool
    next: str = ""


class RunReport(Result):
    """A run's report, as data and as Markdown."""

    run: RunDetails
    markdown: str


class CommandResult(Result):
    """What a command did, and what to do next."""

    message: str
    changed: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    next: list[str] = Field(default_factory=list)
