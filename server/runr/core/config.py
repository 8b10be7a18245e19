"""The settings of `.runr/config.toml`: every key, its default and its meaning."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from runr.core.duration import seconds

Seconds = Annotated[int, BeforeValidator(seconds)]
Tier = Literal["tier0", "tier1", "tier2"]
#: A shell takes an empty command for one that has passed.
Command = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Section(BaseModel):
    """A table of the file; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RunSettings(Section):
    """How tasks are run."""

    worker: str = Field("claude-code", description="Worker for tasks that name none.")
    attempts: int = Field(
        3, ge=1, le=20, description="Attempts before a run stops; each sees what failed before."
    )
    timeout: Seconds = Field(
        45 * 60, gt=0, description="Time limit of one attempt, for tasks that set none."
    )
    total_timeout: Seconds = Field(
        4 * 3600,
        gt=0,
        description="Time limit of all attempts with their checks, from the start or the resume.",
    )
    stall_timeout: Seconds = Field(
        15 * 60, gt=0, description="How long a worker may print nothing before it is ended."
    )
    budget_usd: float | None = Field(None, gt=0, description="Cost limit of all attempts.")
    max_tokens: int | None = Field(
        None, gt=0, description="Limit of tokens in and out: above it, no further attempt begins."
    )
    outage_wait: Seconds = Field(
        30 * 60,
        ge=0,
        description="How long an attempt waits in all for a model's service that does not answer.",
    )
    outage_pause: Seconds = Field(
        30, gt=0, description="The first of these waits; each is twice the last, up to 5 minutes."
    )
    fallback: tuple[str, ...] = Field(
        (),
        description="Workers to take, in this order, where one is not installed or not logged in.",
    )


class VerifySettings(Section):
    """What has to pass before a task counts as completed."""

    tier0: tuple[Command, ...] = Field((), description="Quick checks: formatting, linting, types.")
    tier1: tuple[Command, ...] = Field((), description="The tests that every task has to pass.")
    tier2: tuple[Command, ...] = Field((), description="Slow checks, for tasks that ask for tier2.")
    tier: Tier = Field("tier1", description="How far a task without `tier` is checked.")
    timeout: Seconds = Field(10 * 60, gt=0, description="Time limit of one check.")


class ScopeSettings(Section):
    """What no task may change, whatever it owns."""

    deny: tuple[str, ...] = Field(
        (), description="Paths or patterns that stop a run when they are changed."
    )


class WorkerSettings(Section):
    """One worker's table: `[workers.claude-code]`, or a command under a name of your own."""

    command: tuple[str, ...] = Field(
        (), description="Program and arguments; required for workers of your own."
    )
    model: str | None = Field(None, description="Model, where the worker takes one.")
    permission_mode: str = Field("acceptEdits", description="Claude Code's permission mode.")
    sandbox: str = Field("workspace-write", description="Codex's sandbox mode.")
    allowed_tools: tuple[str, ...] = Field(
        ("Bash",), description="Tools that Claude Code may use without asking."
    )
    budget_usd: float | None = Field(None, gt=0, description="Cost limit of one attempt.")
    max_turns: int | None = Field(None, gt=0, description="Limit of model turns in one attempt.")
    resume: bool = Field(
        True, description="Further attempts go on in the session of the last, where there is one."
    )
    extra_args: tuple[str, ...] = Field((), description="Further arguments for the worker.")


class Config(Section):
    """The whole file."""

    run: RunSettings = RunSettings()
    verify: VerifySettings = VerifySettings()
    scope: ScopeSettings = ScopeSettings()
    workers: dict[str, WorkerSettings] = Field(default_factory=dict)

    def worker(self, name: str) -> WorkerSettings:
        """Return the worker's table, or the defaults where it has none."""
        return self.workers.get(name, WorkerSettings())
