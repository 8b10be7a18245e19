"""The specification of a run: checks, scope and limits, from task and settings. Pure."""

from collections.abc import Iterable
from typing import NamedTuple, get_args

from runr.config.settings import Config, RunSettings, VerifySettings, WorkerSettings
from runr.runs import setup_inputs
from runr.runs.model import Check, CheckResult, Escalation, JobTerms, RunSpec
from runr.scope import patterns, presets, rules
from runr.tasks.empty_checks import is_empty
from runr.tasks.model import Task, TaskType, Tier
from runr.text import format_duration

#: A worker has no limit of nothing.
_MIN_BUDGET_USD = 0.0001

_TIERS: tuple[Tier, ...] = get_args(Tier)


class Spent(NamedTuple):
    """What all attempts used; `seconds` since the run was created or resumed."""

    seconds: float
    cost_usd: float
    tokens: int


def limit_reached(
    limits: RunSettings, used: Spent, job: JobTerms | None = None
) -> tuple[str, str] | None:
    """Return the stop code of the limit that has been reached, and its message.

    One that is the share of what `job` had left is not raised in the settings.
    """
    if used.seconds >= limits.total_timeout:
        return "time_limit", f"run.total_timeout ({format_duration(limits.total_timeout)}) is over"
    budget, tokens = limits.budget_usd, limits.max_tokens
    if budget is not None and used.cost_usd >= budget:
        what = _limit("budget_usd", f"${budget:.2f}", of_job=job and job.budget_usd == budget)
        return "cost_limit", f"${used.cost_usd:.2f} of {what} is spent: raise it to continue"
    if tokens is not None and used.tokens >= tokens:
        what = _limit("max_tokens", f"{tokens:,}", of_job=job and job.max_tokens == tokens)
        return "token_limit", f"{used.tokens:,} of {what} are used: raise it to continue"
    return None


def _limit(name: str, value: str, *, of_job: bool | None) -> str:
    return f"its share ({value}) of limits.{name} of the job" if of_job else f"run.{name} ({value})"


def remaining_budget(worker: WorkerSettings, limits: RunSettings, used: Spent) -> WorkerSettings:
    """Return the worker's settings with a budget within what the run has left."""
    if limits.budget_usd is None:
        return worker
    left = max(round(limits.budget_usd - used.cost_usd, 4), _MIN_BUDGET_USD)
    own = worker.budget_usd
    return worker.model_copy(update={"budget_usd": left if own is None else min(own, left)})


def build_spec(task: Task, config: Config) -> RunSpec:
    """Return the specification of a run of the task.

    Checks of which none can fail are none: they would call any work verified.
    """
    found = checks(task, config.verify)
    empty = tuple(check.command for check in found) if are_empty(found) else ()
    return RunSpec(
        title=task.title,
        task_type=task.type.value,
        task_sha256=task.sha256,
        attempts=config.run.attempts,
        landing_attempts=config.run.landing_attempts,
        timeout_s=task.timeout_s or config.run.timeout,
        owns=task.owns,
        allow=tuple(dict.fromkeys(config.scope.allow + presets.patterns(config.scope.presets))),
        deny=config.scope.deny,
        lockfiles=config.scope.lockfiles,
        plan=_worker(config.phases.plan),
        review=_worker(config.phases.review),
        checks=() if empty else found,
        empty_checks=empty,
        escalations=escalations(task, config.verify),
        verify_retries=config.verify.retries,
        where=config.verify.where,
        mount=config.verify.mount,
        carry=config.verify.carry,
        setup=config.verify.setup,
        setup_inputs=setup_inputs.of(config.verify),
        writes=config.verify.writes,
    )


def are_empty(found: Iterable[Check | CheckResult]) -> bool:
    """Tell whether no check among these can tell good work from bad."""
    return all(is_empty(check.command) for check in found)


def _worker(name: str) -> str | None:
    return None if name == "off" else name


def checks(task: Task, settings: VerifySettings) -> tuple[Check, ...]:
    """Return the checks in the order in which they run: configured tiers, then the task's own.

    A manual task has only its own checks: work outside of the repository says
    nothing about the repository's tests.
    """
    own = (Check(tier="task", command=line, timeout_s=settings.timeout) for line in task.verify)
    if task.type is TaskType.MANUAL:
        return tuple(own)
    return (*_upto(task.tier or settings.tier, settings), *own)


def escalations(task: Task, settings: VerifySettings) -> tuple[Escalation, ...]:
    """Return the checks that are added where certain files change; tiers build on each other."""
    if task.type is TaskType.MANUAL:
        return ()
    run = {check.command for check in checks(task, settings)}
    found = []
    for pattern, tier in settings.escalate.items():
        more = tuple(check for check in _upto(tier, settings) if check.command not in run)
        if more:
            found.append(Escalation(pattern=pattern, tier=tier, checks=more))
    return tuple(found)


def triggered(spec: RunSpec, paths: Iterable[str]) -> tuple[tuple[Escalation, str], ...]:
    """Return the escalations of changed `paths`, each with the first path that it matches."""
    changed = sorted(path for path in paths if not rules.is_runrs(path))
    first = (
        (each, next((path for path in changed if patterns.matches(path, (each.pattern,))), None))
        for each in spec.escalations
    )
    return tuple((each, path) for each, path in first if path is not None)


def escalated_checks(spec: RunSpec, escalations: Iterable[Escalation]) -> tuple[Check, ...]:
    """Return the run's checks with those of `escalations`: tiers in order, the task's own last."""
    added = {check.command: check for each in escalations for check in each.checks}
    order = (*_TIERS, "task")
    return tuple(sorted((*spec.checks, *added.values()), key=lambda c: order.index(c.tier)))


def checks_of(spec: RunSpec, results: Iterable[CheckResult]) -> tuple[Check, ...]:
    """Return the checks, escalated ones included, that had these results."""
    known = (*spec.checks, *(check for each in spec.escalations for check in each.checks))
    ran = {result.command for result in results}
    return tuple(dict.fromkeys(check for check in known if check.command in ran))


def _upto(tier: str, settings: VerifySettings) -> tuple[Check, ...]:
    tiers = _TIERS[: _TIERS.index(tier) + 1]
    return tuple(
        Check(tier=name, command=command, timeout_s=settings.timeout)
        for name in tiers
        for command in getattr(settings, name)
    )


def apply_overrides(config: Config, task: Task, worker: str) -> Config:
    """Return the settings with the task's options for its worker.

    The budget is that of the whole run, whichever worker does it. All other
    options are for the task's own worker: other workers, and fallbacks, have
    models, tools and arguments of their own.
    """
    options = task.worker_options._asdict()
    asked = {key: value for key, value in options.items() if value is not None}
    budget = asked.pop("budget_usd", None)
    if budget is not None:
        run = config.run.model_copy(update={"budget_usd": budget})
        config = config.model_copy(update={"run": run})
    if not asked or worker != (task.worker or config.run.worker):
        return config
    own = config.worker(worker).model_copy(update=asked)
    return config.model_copy(update={"workers": {**config.workers, worker: own}})
