"""Answers about one task, and about runs: a listing needs none of them."""

from dataclasses import dataclass, field
from typing import Literal

from runr.next_steps.step import Line
from runr.query.models import Result, TaskSummary
from runr.runs.model import RunKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RootCause:
    """A task at the root of what blocks another one, and why it is not done."""

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFields(TaskSummary):
    """One task with all its facts."""

    depends_on: list[str] = field(default_factory=list)
    owns: list[str] = field(default_factory=list)
    verify: list[str] = field(default_factory=list)
    root_causes: list[RootCause] = field(default_factory=list)
    checkpoint_sha: str | None = None
    reason: str | None = None
    stop_detail: str | None = None
    run_count: int = 0
    revision: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDetails:
    """One check of a run; `run_count` is 0 where it was skipped, above 1 where it was retried."""

    tier: str
    command: str
    passed: bool
    flaky: bool = False
    run_count: int = 1
    exit_code: int | None = None
    seconds: float = 0.0
    tail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """One run; `seq` is the number of its last event.

    `kind` `manual_commit` is a manual commit, which may be of no task (`task_path` is
    empty then) and completes none; `acknowledgement` confirms a stale completion,
    `reset` takes one back.
    `milestones` are the plan's, each committed by the checkpoint in the same place;
    `review` is what the reviewer asked for, until it is done. `session`, `holder`
    and `active_at` describe the session that has it open. `verified_tree` is the
    tree that the checks ran on; `ignored` are files that git ignores, so that they
    are in no commit, and `carried_changes` paths in carried folders that changed since
    the run began, so that the checks ran with them. `resets_at` is when the usage limit
    ends that stopped it.
    `failed_hooks` are lifecycle hooks that failed, each with the reason. `left_out` are files
    whose changes are not on the branch, as a merge left them out.
    `commit_place` says that the commit of a completed run is not on the branch that is checked out.
    `another_clone` tells that it is a record of another clone, which proves nothing here.
    """

    id: str
    task_path: str
    worker: str
    status: Literal["running", "completed", "stopped"]
    kind: RunKind = "attempt"
    phase: str | None = None
    seq: int = 0
    attempt: int = 0
    created_at: str
    ended_at: str | None = None
    seconds: float = 0.0
    verification: str = "none"
    verified_in: Literal["checkout", "workspace"] | None = None
    verified_tree: str | None = None
    checks: list[CheckDetails] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    carried_changes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    milestones: list[str] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)
    review: str | None = None
    reviewed_by: str | None = None
    stop_reason: str | None = None
    resets_at: str | None = None
    detail: str | None = None
    checkpoint_sha: str | None = None
    changed_count: int | None = None
    branch: str | None = None
    integration: str | None = None
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    session_id: str | None = None
    session: Literal["active", "ended", "idle"] | None = None
    holder: str | None = None
    active_at: str | None = None
    notes: list[str] = field(default_factory=list)
    failed_hooks: list[str] = field(default_factory=list)
    approved_by: str | None = None
    relayed_by: str | None = None
    channel: str | None = None
    rejected_by: str | None = None
    reason: str | None = None
    override_reason: str | None = None
    another_clone: bool = False
    commit_place: str | None = None
    run_dir: str = ""
    exit_code: int | None = None
    next_steps: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunList(Result):
    """Runs, newest first; `damaged_count` counts those whose journal cannot be read.

    `total_count` and `counts`, by status, are of all of them. Cost and tokens are what was used
    since the time `since`, or ever, by these and by no other run; None where no worker reported it.
    """

    runs: list[RunDetails]
    total_count: int
    damaged_count: int = 0
    since: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport(Result):
    """A run's report, as data and as Markdown."""

    run: RunDetails
    markdown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult(Result):
    """The run of a task; `brief` is for a session that does the work itself."""

    run: RunDetails
    brief: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDetails(Result):
    """One task with its current or last run, or the run that was asked for."""

    task: TaskFields
    run: RunDetails | None = None
    commits: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionResult(Result):
    """The outcome of completing a task; `run` is None where its record is not on this machine."""

    task: TaskFields
    run: RunDetails | None = None
    completed: bool
