"""The limits of a run over all its attempts: what is reached, and what is left."""

from dataclasses import dataclass

from runr.core.config import RunSettings, WorkerSettings
from runr.core.duration import spoken

_LEAST_USD = 0.0001


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What all attempts used; `seconds` since the run was opened, or taken up again."""

    seconds: float
    cost_usd: float
    tokens: int


def reached(limits: RunSettings, used: Used) -> tuple[str, str] | None:
    """Return the stop of the limit that has been reached, and what to say."""
    if used.seconds >= limits.total_timeout:
        return "time_limit", f"run.total_timeout ({spoken(limits.total_timeout)}) is over"
    if limits.budget_usd is not None and used.cost_usd >= limits.budget_usd:
        spent = f"${used.cost_usd:.2f} of run.budget_usd (${limits.budget_usd:.2f})"
        return "budget", f"{spent} is spent: raise it to go on"
    if limits.max_tokens is not None and used.tokens >= limits.max_tokens:
        return "tokens", (
            f"{used.tokens:,} of run.max_tokens ({limits.max_tokens:,}) are used: raise it to go on"
        )
    return None


def within_budget(worker: WorkerSettings, limits: RunSettings, used: Used) -> WorkerSettings:
    """Return the worker's settings with no more to spend than all attempts together may."""
    if limits.budget_usd is None:
        return worker
    left = max(round(limits.budget_usd - used.cost_usd, 4), _LEAST_USD)
    own = worker.budget_usd
    return worker.model_copy(update={"budget_usd": left if own is None else min(own, left)})
