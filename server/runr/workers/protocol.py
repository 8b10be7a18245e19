"""What a worker gets, and what it returns."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from runr.config.settings import WorkerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """How to resume the session of an earlier attempt.

    `prompt` is what that session has not received yet. Cost and tokens are those
    of the session that have been reported: its own count may continue from there.
    """

    session_id: str
    prompt: str
    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One attempt at one task.

    `prompt` is the whole text for the worker; what it receives is already on
    disk at `prompt_file`. A worker that cannot resume a session, or no longer
    finds it, ignores `follow_up`. `task_file` is the run's own copy of the
    task, redacted. `launcher` are the words before the worker's own command: a
    program that confines it, or none. `environment` is complete (nothing is inherited beside it);
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
    launcher: tuple[str, ...] = ()
    phase: Literal["plan", "work", "review"] = "work"

    @property
    def reads_only(self) -> bool:
        """Tell whether the worker may only answer, without changing a file."""
        return self.phase != "work"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkReport:
    """How the attempt went, as the worker reports it.

    `stop` is None when the worker ended by itself, else a code of
    `runs.stop_reasons`. `resets_at` is when a usage limit ends, as far as the
    worker's client says it in data, `retry_after_s` how long a busy service asks to wait.
    `summary` is for people, `answer` the whole answer of a
    planner or reviewer. Cost is in US dollars and None where it is unknown.
    """

    stop: str | None = None
    resets_at: datetime | None = None
    retry_after_s: float | None = None
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


@runtime_checkable
class ReportsUse(Protocol):
    """A worker that reports the tokens that it used, and their cost if `reports_cost`."""

    reports_cost: bool


@runtime_checkable
class HasLogin(Protocol):
    """A worker that needs a login, which can be looked for without a model call."""

    def login_state(self, environment: Mapping[str, str]) -> str:
        """Return where the login was found: a variable, a file; empty where there is none."""
