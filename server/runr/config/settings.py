"""The settings of `.runr/config.toml`: every key, its default and its meaning. Pure."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    field_validator,
    model_validator,
)

from runr.scope.presets import known
from runr.scope.rules import Lockfiles
from runr.tasks.model import Tier, Watched
from runr.text import parse_duration

Seconds = Annotated[int, BeforeValidator(parse_duration)]
# A text such as "3" or a truth value is no number, and "yes" no truth value.
Whole = Annotated[int, Strict()]
Dollars = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Switch = Annotated[bool, Strict()]
#: A shell takes an empty command for one that has passed.
Command = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


#: Manifests and lockfiles of the usual package managers.
SETUP_INPUTS = (
    *("pyproject.toml", "setup.py", "setup.cfg", "requirements*.txt", "*.lock"),
    *("package.json", "package-lock.json", "pnpm-lock.yaml", "go.mod", "go.sum", "Gemfile"),
    *(
        "bun.lockb",
        "npm-shrinkwrap.json",
        "pnpm-workspace.yaml",
        ".npmrc",
        ".yarnrc.yml",
        "Pipfile",
    ),
    *("constraints*.txt", "requirements/**", "patches/**", ".python-version", ".nvmrc"),
    *(".tool-versions", "composer.json", "mix.exs", "pubspec.yaml"),
)


def _may_read_only(name: str) -> str:
    if name in ("script", "session"):
        raise ValueError(f"the worker {name} can only work, not plan or review")
    return name


def _in_one_line(name: str) -> str:
    if not name.isprintable():
        raise ValueError("write the name of a worker on one line, as plain text")
    return name


def _is_below(folder: str) -> str:
    parts = folder.removesuffix("/").split("/")
    if parts[0] in ("", "~") or {".", "..", ""} & {*parts}:
        raise ValueError(
            f"{folder!r} cannot be carried: write the name of a folder in the repository, "
            "or its path from the top"
        )
    if parts[0] in (".git", ".runr"):
        raise ValueError(f"{folder!r} is not carried: checks get a {parts[0]} of their own")
    return folder


#: A folder in the repository, by its name or its path.
Carried = Annotated[str, AfterValidator(_is_below)]

#: The name of a worker is shown in lists, in commits and in reports.
WorkerName = Annotated[str, AfterValidator(_in_one_line)]

#: A worker that reads and answers.
Phased = Annotated[str, AfterValidator(_may_read_only)]


class Section(BaseModel):
    """A table of the file; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RunSettings(Section):
    """How tasks are run."""

    worker: str = Field("claude-code", description="Worker for tasks that name none.")
    attempts: Whole = Field(
        3, ge=1, le=20, description="Maximum number of attempts; each gets what failed before."
    )
    landing_attempts: Whole = Field(
        1,
        ge=0,
        le=5,
        description="How many of them may repair work on top of a branch that has moved.",
    )
    timeout: Seconds = Field(
        45 * 60, gt=0, description="Time limit of one attempt, for tasks that set none."
    )
    total_timeout: Seconds = Field(
        4 * 3600,
        gt=0,
        description="Time limit of all attempts and checks, from the start or the last resume.",
    )
    stall_timeout: Seconds = Field(
        15 * 60, gt=0, description="How long a worker may produce no output before it is killed."
    )
    budget_usd: Dollars | None = Field(None, gt=0, description="Cost limit of all attempts.")
    max_tokens: Whole | None = Field(
        None, gt=0, description="Token limit, in and out; above it, no further attempt starts."
    )
    backoff_max_wait: Seconds = Field(
        30 * 60,
        ge=0,
        description="Maximum total wait of one attempt for an unavailable service.",
    )
    backoff_initial: Seconds = Field(
        30, gt=0, description="The first of these waits; each is twice as long, up to 5 minutes."
    )
    on_usage_limit: Literal["stop", "fallback", "wait"] = Field(
        "stop",
        description=(
            "When the usage limit of the worker's account is reached: `stop`, let a `fallback` "
            "take over, or `wait` until it resets and continue the same session."
        ),
    )
    usage_limit_max_wait: Seconds = Field(
        6 * 3600, ge=0, description="Maximum total wait of a run for usage limits to reset."
    )
    session_idle_timeout: Seconds = Field(
        12 * 3600,
        gt=0,
        description="Silence of a session after which another one may take over its run.",
    )
    nested: Switch = Field(
        default=False, description="Whether the worker of a run may start further runs."
    )
    fallback: tuple[str, ...] = Field(
        (),
        description="Workers that replace one that is not installed or not logged in.",
    )


class VerifySettings(Section):
    """What has to pass before a task counts as completed."""

    tier0: tuple[Command, ...] = Field((), description="Quick checks: formatting, linting, types.")
    tier1: tuple[Command, ...] = Field((), description="The tests that every task has to pass.")
    tier2: tuple[Command, ...] = Field((), description="Slow checks, for tasks that ask for tier2.")
    tier: Tier = Field("tier1", description="Highest tier of tasks without `tier`.")
    timeout: Seconds = Field(10 * 60, gt=0, description="Time limit of one check.")
    retries: Whole = Field(
        0,
        ge=0,
        le=10,
        description="How often a failed check is repeated; one that passes then is flaky.",
    )
    where: Literal["checkout", "workspace"] = Field(
        "checkout",
        description=(
            "Where checks run: `checkout`, in a clean checkout of the commit that would land; "
            "`workspace`, among the files of the workspace, which proves less."
        ),
    )
    mount: Switch = Field(
        default=True,
        description=(
            "Whether the clean checkout is mounted over the path of the repository, if the system "
            "can. Programs that run already, such as the Docker daemon, find your files there."
        ),
    )
    carry: tuple[Carried, ...] = Field(
        (".venv", "venv", "node_modules"),
        description=(
            "Folders that git does not track and checks need, by name or path: they are laid over "
            "the clean checkout, and what checks write into them is dropped."
        ),
    )
    setup: tuple[Command, ...] = Field(
        (),
        description=(
            "Commands that install dependencies in the clean checkout, once for each state of "
            "`setup_inputs`; the folders of `carry` are then those that they make."
        ),
    )
    setup_inputs: tuple[str, ...] = Field(
        SETUP_INPUTS,
        description=(
            "Files, by name or pattern, from which `setup` installs. Without it, `setup` runs "
            "again for every commit if it may copy code of the repository."
        ),
    )
    writes: tuple[str, ...] = Field(
        (),
        description=(
            "Paths or patterns that checks may change: such changes become part of the commit, "
            "and all checks run again on it. Without it they are dropped after each check."
        ),
    )
    escalate: dict[str, Literal["tier1", "tier2"]] = Field(
        {}, description="Paths or patterns, and the highest tier of runs that change them."
    )


class ScopeSettings(Section):
    """What tasks may change beside what they own, and what no task may change."""

    allow: tuple[str, ...] = Field(
        (), description="Paths or patterns that every task may change, besides what it `owns`."
    )
    presets: Annotated[tuple[str, ...], AfterValidator(known)] = Field(
        (), description="Named lists of such patterns: see [Scope](../scope.md#presets)."
    )
    lockfiles: Lockfiles = Field(
        "follow",
        description=(
            "`follow`: a task that `owns` something changes a lockfile only together with its "
            "manifest; `allow`: always; `deny`: never, whatever the task owns."
        ),
    )
    deny: tuple[str, ...] = Field((), description="Paths or patterns that no task may change.")


class PhaseSettings(Section):
    """Who plans and who reviews: a worker's name, or `off`."""

    plan: Phased = Field(
        "off", description="Worker that divides a task into milestones, each with its own commit."
    )
    review: Phased = Field(
        "off", description="Worker that reviews verified work and may request changes."
    )
    milestones: Whole = Field(8, ge=2, le=50, description="Maximum number of milestones in a plan.")


class ProvenanceSettings(Section):
    """Provenance of commits."""

    enforce: Switch = Field(
        default=False,
        description="Whether the git hook refuses commits that name neither a run nor a session.",
    )
    inject: Switch = Field(
        default=True,
        description="Whether sessions and workers get the git hook through their environment.",
    )


class AttestSettings(Section):
    """What counts of a completion that a person has to declare."""

    relayed: Literal["refuse", "record"] = Field(
        "refuse",
        description="Whether a completion, or another decision, that no person has confirmed is"
        " refused, or recorded as `relayed`.",
    )
    scripts: Literal["attest", "relay"] = Field(
        "attest",
        description="Whether a command without a terminal attests, or relays like an agent.",
    )


class StatusSettings(Section):
    """What makes a completed task stale, and where the status is written."""

    stale: Literal["warn", "rerun", "ignore"] = Field(
        "warn",
        description="Stale tasks are shown (`warn`), ready again (`rerun`) or ignored (`ignore`).",
    )
    stale_on: tuple[Watched, ...] = Field(
        ("text", "dependency", "reverted"),
        description="Reasons that make a completed task stale; a task's `stale_on` adds to them.",
    )
    dependencies: Literal[
        "verified", "verified_in_workspace", "attested", "relayed", "inferred"
    ] = Field(
        "inferred",
        description="The weakest evidence of a completed dependency with which a task can start.",
    )
    write_frontmatter: Switch = Field(
        default=False, description="Whether the status is written into the headers of task files."
    )
    shared: Switch = Field(
        default=False,
        description="Whether the status file is in git; it is merged task by task.",
    )


class WorkerSettings(Section):
    """One worker's table: `[workers.claude-code]`, or a command under a name of your own."""

    command: tuple[str, ...] = Field(
        (), description="Program and arguments; required for workers of your own."
    )
    model: str | None = Field(None, description="Model, if the worker has a choice.")
    permission_mode: str = Field("acceptEdits", description="Claude Code's permission mode.")
    sandbox: Literal["off", "repo"] = Field(
        "off", description="Whether the worker sees only its worktree of the repository (Linux)."
    )
    sandbox_mode: str = Field("workspace-write", description="Codex's own sandbox mode.")
    allowed_tools: tuple[str, ...] = Field(
        ("Bash",), description="Tools that Claude Code may use without asking."
    )
    budget_usd: Dollars | None = Field(None, gt=0, description="Cost limit of one attempt.")
    max_turns: Whole | None = Field(None, gt=0, description="Limit of model turns in one attempt.")
    resume: Switch = Field(
        True, description="Whether further attempts resume the session of the last one."
    )
    extra_args: tuple[str, ...] = Field((), description="Additional arguments for the worker.")


def _argv(value: object) -> object:
    """Hand a command that is one text to the shell, as it is."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        raise ValueError("write a command that is not empty")
    return ("sh", "-c", value.strip())


def _as_tables(value: object) -> object:
    """Read a text in a list of hooks as a command."""
    if not isinstance(value, list):
        return value
    return [{"command": each} if isinstance(each, str) else each for each in value]


_DAY = 24 * 3600

#: What runr itself can take back of a run that has failed.
Rollback = Literal["restore", "revert"]


class HookSettings(Section):
    """One lifecycle hook: a text is a command, a table has one target, and options for it."""

    command: Annotated[tuple[str, ...], BeforeValidator(_argv)] = Field(
        (), description="Target: a command for the shell, or a list of program and arguments."
    )
    webhook: str | None = Field(
        None, description="Target: an http or https URL to which the payload is sent."
    )
    webhook_env: str | None = Field(
        None, min_length=1, description="Target: the variable that holds such a URL."
    )
    desktop: Switch = Field(False, description="Target: a notification on the desktop.")
    package: str | None = Field(
        None, min_length=1, description="Target: a hook of an installed package, by its name."
    )
    rollback: Rollback | None = Field(
        None,
        description="Target, at on_failure only: `restore` puts the files back as they were before "
        "the work, `revert` takes back by a commit what had landed.",
    )
    secret_env: str | None = Field(
        None, min_length=1, description="Variable with the secret that signs a webhook."
    )
    timeout: Seconds = Field(
        60, gt=0, le=_DAY, description="Time limit of the hook, of each try of it."
    )
    retries: Whole = Field(
        4, ge=0, le=20, description="How often a webhook is tried again where it fails."
    )
    retry_wait: Seconds = Field(
        2, ge=0, le=_DAY, description="Wait before the second try; each later one is twice as long."
    )

    @model_validator(mode="after")
    def _has_one_target(self) -> "HookSettings":
        if len(self.targets) != 1:
            known = ", ".join(f"`{name}`" for name in _TARGETS)
            raise ValueError(f"a hook has exactly one target: write one of {known}")
        return self

    @field_validator("webhook")
    @classmethod
    def _has_a_host(cls, url: str | None) -> str | None:
        """Refuse a URL that leads nowhere; it may hold a secret, so the error does not name it."""
        if url is not None:
            try:
                parts = urlsplit(url)
                is_whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
            except ValueError:
                is_whole = False
            if not is_whole or any(letter.isspace() for letter in url):
                raise ValueError("write an http or https URL with a valid host and port")
        return url

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the targets that are set; a valid hook has one."""
        return tuple(name for name in _TARGETS if getattr(self, name))


_TARGETS = ("command", "webhook", "webhook_env", "desktop", "package", "rollback")

Hooks = Annotated[tuple[HookSettings, ...], BeforeValidator(_as_tables)]


def _can_refuse(hooks: tuple[HookSettings, ...]) -> tuple[HookSettings, ...]:
    for hook in hooks:
        if not (hook.command or hook.package):
            raise ValueError(f"a {hook.targets[0]} cannot refuse anything: write a command")
    return hooks


def _rolls_nothing_back(hooks: tuple[HookSettings, ...]) -> tuple[HookSettings, ...]:
    if any(hook.rollback for hook in hooks):
        raise ValueError("only a run that has failed is rolled back: write it under on_failure")
    return hooks


#: Hooks that are asked: a run waits for them.
Asked = Annotated[Hooks, AfterValidator(_can_refuse)]


#: Hooks at a point that is no failure.
Called = Annotated[Hooks, AfterValidator(_rolls_nothing_back)]


class HookPoints(Section):
    """Lifecycle hooks: what runr calls at a point of a run or a job, in the order written."""

    pre_run: Asked = Field(
        (), description="Before a run begins; a command that fails keeps it from beginning."
    )
    pre_complete: Asked = Field(
        (), description="Before verified work lands; a command that fails keeps it from landing."
    )
    post_complete: Called = Field((), description="After a run has completed its task.")
    on_failure: Hooks = Field((), description="After a run has stopped without completing it.")
    on_needs_human: Called = Field((), description="After a run has stopped to wait for a person.")
    post_job: Called = Field((), description="After a job has ended, with its receipt.")

    def at(self, point: str) -> tuple[HookSettings, ...]:
        """Return the hooks of a point."""
        found: tuple[HookSettings, ...] = getattr(self, point)
        return found


class Config(Section):
    """The whole file."""

    run: RunSettings = RunSettings()
    verify: VerifySettings = VerifySettings()
    phases: PhaseSettings = PhaseSettings()
    scope: ScopeSettings = ScopeSettings()
    provenance: ProvenanceSettings = ProvenanceSettings()
    status: StatusSettings = StatusSettings()
    attest: AttestSettings = AttestSettings()
    workers: dict[WorkerName, WorkerSettings] = Field(default_factory=dict)
    hooks: HookPoints = HookPoints()

    def worker(self, name: str) -> WorkerSettings:
        """Return the worker's table, or the defaults where it has none."""
        return self.workers.get(name, WorkerSettings())
