"""What a task will be judged by."""

from runr.core.config import Config, VerifySettings
from runr.core.runstate import Check, Terms
from runr.core.task import Task, TaskType

_TIERS = ("tier0", "tier1", "tier2")


def terms(task: Task, config: Config) -> Terms:
    """Return what a run of the task is judged by and held to."""
    return Terms(
        title=task.title,
        task_type=task.type,
        task_sha256=task.sha256,
        attempts=config.run.attempts,
        timeout_s=task.timeout_s or config.run.timeout,
        owns=task.owns,
        deny=config.scope.deny,
        checks=checks(task, config.verify),
    )


def checks(task: Task, settings: VerifySettings) -> tuple[Check, ...]:
    """Return the checks in the order in which they run: configured tiers, then the task's own.

    A manual task is judged by its own checks only: what a person did outside
    of the repository says nothing about the repository's tests.
    """
    upto = _TIERS.index(task.tier or settings.tier)
    tiers = () if task.type is TaskType.MANUAL else _TIERS[: upto + 1]
    commands = [(tier, command) for tier in tiers for command in getattr(settings, tier)]
    commands += [("task", command) for command in task.verify]
    return tuple(
        Check(tier=tier, command=command, timeout_s=settings.timeout) for tier, command in commands
    )
