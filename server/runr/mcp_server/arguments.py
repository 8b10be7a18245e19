"""What the tools are called with; every session pays for each word of it."""

from typing import Literal

from pydantic import Field

from runr.mcp_server.registry import Arguments
from runr.query.models import DEFAULT_TAIL, Status

_NAME = 1000


class ListArguments(Arguments):
    """Which tasks to list; all given filters must hold."""

    status: Status | None = None
    ready: bool = Field(False, description="By priority.")
    blocked: bool = False
    waiting: bool = Field(False, description="For a person.")
    stale: bool = False
    query: str = Field("", max_length=500, description="type:manual tag:a,b -worker:codex words")
    since: str | None = Field(
        None, max_length=100, description="yesterday, 12h, a date: changes, runs, cost."
    )
    limit: int = Field(20, ge=1, le=200)
    cursor: str | None = Field(None, max_length=_NAME)


class WorkArguments(Arguments):
    """A task, or a job."""

    task: str | None = Field(None, min_length=1, max_length=_NAME, description="Or a run's id.")
    job: str | None = Field(None, min_length=1, max_length=200)


class StatusArguments(WorkArguments):
    """The task or job, and what else about it to show."""

    text: bool = Field(False, description="The task's file.")
    runs: bool = Field(False, description="All, with cost.")
    tail: int = Field(DEFAULT_TAIL, ge=0, le=20_000, description="Of failed checks.")


class CompleteArguments(Arguments):
    """The task, and what is decided or noted about it."""

    task: str = Field(min_length=1, max_length=_NAME)
    action: Literal["complete", "approve", "reject", "acknowledge", "note"] = "complete"
    reason: str | None = Field(
        None, max_length=2000, description="A note, or why; then the user confirms."
    )
    by: str | None = Field(None, max_length=200, description="The user's name.")
    force: bool = Field(False, description="Despite dependencies or checks.")


class RunArguments(WorkArguments):
    """What to run, resume, stop or land, by which worker, and how long to wait."""

    tasks: list[str] = Field(
        default_factory=list, max_length=500, description="Several, one by one."
    )
    all_ready: bool = False
    action: Literal["start", "resume", "retry", "stop", "land"] = "start"
    worker: str | None = Field(None, max_length=200, description="session: you do it.")
    wait_s: int = Field(0, ge=0, le=3600)
    in_place: bool = Field(False, description="No worktree.")
    force: bool = Field(False, description="Despite blockers; takeover; kill")
