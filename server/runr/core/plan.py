"""What a task will be judged by."""

from collections.abc import Iterable
from typing import get_args

from runr.core import presets, scope
from runr.core.config import Config, VerifySettings
from runr.core.runstate import Check, Risk, Terms
from runr.core.task import Task, TaskType, Tier

_TIERS: tuple[Tier, ...] = get_args(Tier)


def terms(task: Task, config: Config) -> Terms:
    """Return what a run of the task is judged by and held to."""
    return Terms(
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
        rerun=config.verify.rerun,
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
    for pattern, tier in settings.risk.items():
        more = tuple(check for check in _upto(tier, settings) if check.command not in run)
        if more:
            found.append(Risk(pattern=pattern, tier=tier, checks=more))
    return tuple(found)


def taken(terms: Terms, paths: Iterable[str]) -> tuple[tuple[Risk, str], ...]:
    """Return the risks that a run has taken, each with the first of its `paths` that it is in."""
    touched = sorted(path for path in paths if not scope.is_runrs(path))
    first = (
        (risk, next((path for path in touched if scope.matches(path, (risk.pattern,))), None))
        for risk in terms.risks
    )
    return tuple((risk, path) for risk, path in first if path is not None)


def judges(terms: Terms, risks: Iterable[Risk]) -> tuple[Check, ...]:
    """Return the checks of a run that has taken `risks`: tiers in order, the task's own last."""
    added = {check.command: check for risk in risks for check in risk.checks}
    order = (*_TIERS, "task")
    return tuple(sorted((*terms.checks, *added.values()), key=lambda c: order.index(c.tier)))


def _upto(tier: str, settings: VerifySettings) -> tuple[Check, ...]:
    tiers = _TIERS[: _TIERS.index(tier) + 1]
    return tuple(
        Check(tier=name, command=command, timeout_s=settings.timeout)
        for name in tiers
        for command in getattr(settings, name)
    )
