"""What a worker is asked to do, and what it reports back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from runr.config.settings import WorkerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """How to go on in the session of an earlier attempt.

    `prompt` is what that session has not heard yet. Cost and tokens are those
    of the session that have been reported: its own count may go on from there.
    """

    session_id: str
    prompt: str
    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One attempt at one task.

    `prompt` is the whole text for the worker; what it is told is already on
    disk at `prompt_file`. A worker that cannot go on in a session, or no longer
    finds it, leaves `follow_up` aside. `task_file` is the run's own copy of the
    task, redacted. `environment` is complete (nothing is inherited beside it);
    `transcript` is where every line of the worker's output goes, redacted. In
    the phases `plan` and `review` the worker answers and changes nothing.
    """

    run_id: str
    task_path: str
    task_text: str
    attempt: int
    prompt: str
    prompt_file: Path
    task_file: Path
    workdir: Path
    transcript: Path
    environment: Mapping[str, str]
    timeout_s: float
    settings: WorkerSettings
    stall_s: float = math.inf
    follow_up: FollowUp | None = None
    phase: Literal["plan", "work", "review"] = "work"

    @property
    def reads_only(self) -> bool:
        """Tell whether the worker is to answer without changing a file."""
        return self.phase != "work"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkReport:
    """How the attempt went, in the worker's terms.

    `stop` is None when the worker came to its own end, else a code from
    `core.stops`. `summary` is for people, `answer` all that a planner or reviewer
    said. Cost is in US dollars and None where the worker cannot tell.
    """

    stop: str | None = None
    summary: str = ""
    answer: str = ""
    exit_code: int | None = None
    session_id: str | None = None
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    turns: int = 0
    denied: tuple[str, ...] = field(default=())


class Worker(Protocol):
    """A way to get a task's work done in a folder."""

    def preflight(self, settings: WorkerSettings, environment: Mapping[str, str]) -> None:
        """Raise WorkerUnavailableError when the worker cannot be started; no model call."""

    async def work(self, assignment: Assignment) -> WorkReport:
        """Do one attempt; when cancelled, leave no process behind."""
