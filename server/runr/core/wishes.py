"""The settings of one run: those of the repository, with what its task asks of the worker."""

from runr.core.config import Config
from runr.core.task import Task


def granted(config: Config, task: Task, worker: str) -> Config:
    """Return the settings with the task's wishes in the table of its worker.

    The budget is that of the whole run, whoever works on it. Everything else is
    for the worker that the task is meant for: another one, and a fallback, has
    models, tools and arguments of its own.
    """
    asked = task.wishes.model_dump(exclude_none=True)
    budget = asked.pop("budget_usd", None)
    if budget is not None:
        run = config.run.model_copy(update={"budget_usd": budget})
        config = config.model_copy(update={"run": run})
    if not asked or worker != (task.worker or config.run.worker):
        return config
    own = config.worker(worker).model_copy(update=asked)
    return config.model_copy(update={"workers": {**config.workers, worker: own}})
