"""Answers about tasks: the same for `--json` and for MCP, so they stay stable."""

from dataclasses import dataclass, field
from typing import Literal

from runr.next_steps.step import Line

Status = Literal["pending", "in_progress", "completed", "failed", "stopped"]
Kind = Literal["automated", "manual", "hybrid"]

#: Characters of a failed check's output in an answer, unless more are asked for.
DEFAULT_TAIL = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A typed answer; `next_steps` are commands or sentences, the likeliest first."""

    next_steps: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSummary:
    """One task in a list.

    `ready` where a worker can start it, `needs_human` where only a person can
    take it further. `commit_place` says where the commit of an `unmerged` one is not,
    `rewritten_as` which commit of this branch is its work, if that is another one.
    `unproved` says why it is pending though the status file says that it is completed.
    """

    path: str
    title: str
    status: Status
    type: Kind
    ready: bool = False
    needs_human: bool = False
    stale: bool = False
    stale_reasons: list[str] = field(default_factory=list)
    orphaned: bool = False
    unmerged: bool = False
    commit_place: str | None = None
    rewritten_as: str | None = None
    unproved: str | None = None
    blocked_by: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    priority: int = 0
    worker: str | None = None
    problems: list[str] = field(default_factory=list)
    verification: str = "none"
    evidence: str | None = None
    completed_at: str | None = None
    completed_by: str | None = None
    updated_at: str | None = None
    stop_reason: str | None = None
    last_run_id: str | None = None
    override_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskList(Result):
    """The tasks that were asked for.

    `total_count` counts them before paging, `needs_human_count` those that only
    a person can take further. `counts` has each task once, under what is shown of
    it, such as `ready` or `stale`; a stopped one under `stopped`, though it can be
    started again.
    """

    tasks: list[TaskSummary]
    total_count: int
    needs_human_count: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult(Result):
    """What a command did, and what to do next."""

    message: str
    changed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
