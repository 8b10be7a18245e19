"""What is on the receipt of a job run. Pure."""

from dataclasses import dataclass, field

from runr.next_steps.step import Line
from runr.query.models import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptCheck:
    """A check on the commit that landed; `exit_code` is None where it timed out."""

    command: str
    tier: str
    exit_code: int | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptWait:
    """A wait, such as for the reset of a usage limit: `code` is what it began with.

    While it lasts, `ended_at` is None.
    """

    started_at: str
    ended_at: str | None = None
    seconds: float
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptTask:
    """What a task came to.

    `changed_count` is how many files its commit changes, `attempts` counts those of all its runs,
    and `seconds` is how long they worked. `waits`, and the time in which the job was stopped, are
    part of neither. `not_before` is when a task that waits goes on by itself. `reason` says why it
    is not completed, `next_steps` what to do about that; `needs_human` that only a person can take
    it further. `blocked_by` are the tasks of the job that keep it from starting, or kept it. `now`
    is what is true of it since the job has ended, where that differs from `result`.
    """

    path: str
    track: str
    step: str
    result: str
    reason: str | None = None
    code: str | None = None
    detail: str | None = None
    needs_human: bool = False
    blocked_by: list[str] = field(default_factory=list)
    evidence: str | None = None
    run_ids: list[str] = field(default_factory=list)
    commit_sha: str | None = None
    changed_count: int | None = None
    kept_branch: str | None = None
    checks: list[ReceiptCheck] = field(default_factory=list)
    attempts: int = 0
    worker: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    seconds: float | None = None
    not_before: str | None = None
    waits: list[ReceiptWait] = field(default_factory=list)
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    now: str | None = None
    next_steps: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptWorker:
    """What a worker used in all; the cost is None where it reports none."""

    worker: str
    tasks: int
    cost_usd: float | None
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(Result):
    """A job run on one page; `headline` says first whether the job did what it was to do.

    `seconds` is how long it ran, without the time until it was resumed. `base_failures` are checks
    that failed before any work was done, `failed_hooks` lifecycle hooks that failed after the job.
    `stop_reasons` counts the codes of tasks that are not completed. `landed_on` is the branch that
    has the work, `lands_on` the one that `land_step` brings it into, if that is another.
    `take_back_step` takes back the last task, with its commit, once it is there. `not_ready` are
    the pending tasks that a step with all that is ready left out, with the reason.
    """

    id: str
    job: str
    status: str
    headline: str
    reason: str | None = None
    landed_on: str
    lands_on: str | None = None
    base_sha: str
    tip_sha: str | None = None
    landed_sha: str | None = None
    land_step: str | None = None
    take_back_step: str | None = None
    created_at: str
    ended_at: str | None = None
    seconds: float
    tasks: list[ReceiptTask]
    workers: list[ReceiptWorker] = field(default_factory=list)
    stop_reasons: dict[str, int] = field(default_factory=dict)
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    base_failures: list[str] = field(default_factory=list)
    not_ready: dict[str, str] = field(default_factory=dict)
    failed_hooks: list[str] = field(default_factory=list)
