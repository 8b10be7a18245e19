"""What the four tools are called with."""

from pydantic import Field

from runr.app.answers import Kind, Status
from runr.app.tasks.detail import TAIL
from runr.mcpserver.registry import Arguments


class ListArguments(Arguments):
    """Which tasks are wanted; filters that are given must all hold."""

    status: Status | None = None
    type: Kind | None = None
    tag: str | None = Field(None, max_length=200)
    ready: bool = Field(False, description="Can be started now, most urgent first.")
    blocked: bool = Field(False, description="Waits for other tasks.")
    stale: bool = Field(False, description="Changed since its completion.")
    search: str | None = Field(None, max_length=200, description="In path or title.")
    query: str = Field("", max_length=500, description="tag:a,b -type:manual is:waiting since:2d")
    limit: int = Field(20, ge=1, le=200)
    cursor: str | None = Field(None, max_length=1000, description="next_cursor of the page before.")


class TaskArguments(Arguments):
    """A task, by any of its names."""

    task: str = Field(min_length=1, max_length=1000, description="Path or name, as listed.")


class StatusArguments(TaskArguments):
    """Which task is looked at, and how closely."""

    tail: int = Field(TAIL, ge=0, le=20_000, description="Characters of a failed check's output.")


class CompleteArguments(TaskArguments):
    """Which task is completed; by its checks, or on whose word."""

    reason: str | None = Field(None, max_length=2000, description="Why a person counts it as done.")
    by: str | None = Field(None, max_length=200, description="That person; never an agent.")
    force: bool = Field(
        False,
        description="Past open dependencies and failing checks; needs a reason.",
    )


class RunArguments(TaskArguments):
    """Which task is run, by whom, and how long the answer may take."""

    worker: str | None = Field(
        None,
        max_length=200,
        description="session: you. Left out: the task's, or the configured one.",
    )
    wait_s: int = Field(0, ge=0, le=3600, description="Seconds to wait for its end.")
    in_place: bool = Field(False, description="In the user's tree, not a worktree.")
    force: bool = Field(
        False, description="Past open dependencies, once more, or from another session."
    )
