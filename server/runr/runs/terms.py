"""What a task will be judged by. Pure."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import get_args

from runr.config.settings import Config, RunSettings, VerifySettings, WorkerSettings
from runr.runs.model import Check, Risk, RunSpec
from runr.scope import presets, rules
from runr.tasks.model import Task, TaskType, Tier
from runr.text import format_duration

_LEAST_USD = 0.0001


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What all attempts used; `seconds` since the run was opened, or taken up again."""

    seconds: float
    cost_usd: float
    tokens: int


def limit_reached(limits: RunSettings, used: Usage) -> tuple[str, str] | None:
    """Return the stop of the limit that has been reached, and what to say."""
    if used.seconds >= limits.total_timeout:
        return "time_limit", f"run.total_timeout ({format_duration(limits.total_timeout)}) is over"
    if limits.budget_usd is not None and used.cost_usd >= limits.budget_usd:
        spent = f"${used.cost_usd:.2f} of run.budget_usd (${limits.budget_usd:.2f})"
        return "budget", f"{spent} is spent: raise it to go on"
    if limits.max_tokens is not None and used.tokens >= limits.max_tokens:
        return "tokens", (
            f"{used.tokens:,} of run.max_tokens ({limits.max_tokens:,}) are used: raise it to go on"
        )
    return None


def remaining_budget(worker: WorkerSettings, limits: RunSettings, used: Usage) -> WorkerSettings:
    """Return the worker's settings with no more to spend than all attempts together may."""
    if limits.budget_usd is None:
        return worker
    left = max(round(limits.budget_usd - used.cost_usd, 4), _LEAST_USD)
    own = worker.budget_usd
    return worker.model_copy(update={"budget_usd": left if own is None else min(own, left)})


_TIERS: tuple[Tier, ...] = get_args(Tier)


def build_spec(task: Task, config: Config) -> RunSpec:
    """Return what a run of the task is judged by and held to."""
    return RunSpec(
        title=task.title,
        task_type=task.type,
        task_sha256=task.sha256,
        attempts=config.run.attempts,
        timeout_s=task.timeout_s or config.run.timeout,
        owns=task.owns,
        allow=tuple(dict.fromkeys(config.scope.allow + presets.patterns(config.scope.presets))),
        deny=config.scope.deny,
        lockfiles=config.scope.lockfiles,
        plan=_worker(config.phases.plan),
        review=_worker(config.phases.review),
        checks=checks(task, config.verify),
        risks=risks(task, config.verify),
        rerun=config.verify.retries,
    )


def _worker(name: str) -> str | None:
    return None if name == "off" else name


def checks(task: Task, settings: VerifySettings) -> tuple[Check, ...]:
    """Return the checks in the order in which they run: configured tiers, then the task's own.

    A manual task is judged by its own checks only: what a person did outside
    of the repository says nothing about the repository's tests.
    """
    own = (Check(tier="task", command=line, timeout_s=settings.timeout) for line in task.verify)
    if task.type is TaskType.MANUAL:
        return tuple(own)
    return (*_upto(task.tier or settings.tier, settings), *own)


def risks(task: Task, settings: VerifySettings) -> tuple[Risk, ...]:
    """Return what is checked beside that where risky files change; tiers build on each other."""
    if task.type is TaskType.MANUAL:
        return ()
    run = {check.command for check in checks(task, settings)}
    found = []
    for pattern, tier in settings.escalate.items():
        more = tuple(check for check in _upto(tier, settings) if check.command not in run)
        if more:
            found.append(Risk(pattern=pattern, tier=tier, checks=more))
    return tuple(found)


def overridden(build_spec: RunSpec, paths: Iterable[str]) -> tuple[tuple[Risk, str], ...]:
    """Return the risks that a run has taken, each with the first of its `paths` that it is in."""
    touched = sorted(path for path in paths if not rules.is_runrs(path))
    first = (
        (risk, next((path for path in touched if rules.matches(path, (risk.pattern,))), None))
        for risk in build_spec.risks
    )
    return tuple((risk, path) for risk, path in first if path is not None)


def verifies_anything(build_spec: RunSpec, risks: Iterable[Risk]) -> tuple[Check, ...]:
    """Return the checks of a run that has taken `risks`: tiers in order, the task's own last."""
    added = {check.command: check for risk in risks for check in risk.checks}
    order = (*_TIERS, "task")
    return tuple(sorted((*build_spec.checks, *added.values()), key=lambda c: order.index(c.tier)))


def _upto(tier: str, settings: VerifySettings) -> tuple[Check, ...]:
    tiers = _TIERS[: _TIERS.index(tier) + 1]
    return tuple(
        Check(tier=name, command=command, timeout_s=settings.timeout)
        for name in tiers
        for command in getattr(settings, name)
    )


def apply_overrides(config: Config, task: Task, worker: str) -> Config:
    """Return the settings with the task's wishes in the table of its worker.

    The budget is that of the whole run, whoever works on it. Everything else is
    for the worker that the task is meant for: another one, and a fallback, has
    models, tools and arguments of its own.
    """
    options = asdict(task.worker_options)
    asked = {key: value for key, value in options.items() if value is not None}
    budget = asked.pop("budget_usd", None)
    if budget is not None:
        run = config.run.model_copy(update={"budget_usd": budget})
        config = config.model_copy(update={"run": run})
    if not asked or worker != (task.worker or config.run.worker):
        return config
    own = config.worker(worker).model_copy(update=asked)
    return config.model_copy(update={"workers": {**config.workers, worker: own}})
