"""Which tasks of a job keep another one from starting. Pure."""

from collections.abc import Iterator

from runr.jobs.state import JobState, TaskProgress
from runr.jobs.work import Item


class Blockers:
    """The tasks of a job run as they are, to be asked about one after the other."""

    def __init__(self, state: JobState) -> None:
        work = state.start.work
        self._policy = state.start.job.on_failure
        self._tasks = {each.task: each for each in state.tasks}
        self._items = {item.task: item for item in work.items}
        self._befores = {step.name: set(step.befores) for step in work.steps}
        self._failed = [item for item in work.items if self._status(item.task) == "failed"]

    def of(self, each: TaskProgress) -> list[str]:
        """Return what an open or skipped task is behind: dependencies, or else what has failed."""
        if each.status not in ("waiting", "skipped"):
            return []
        item = self._items[each.task]
        needs = [need for need in item.needs if self._status(need) != "completed"]
        if needs or each.status == "waiting":
            return needs
        return list(dict.fromkeys(self._lost_before(item)))

    def _lost_before(self, item: Item) -> Iterator[str]:
        """Yield the failed tasks that stop the job, the track of the task, or its step."""
        befores = self._befores.get(item.step, set())
        for failed in self._failed:
            same_track = self._policy == "stop_track" and failed.track == item.track
            if self._policy == "stop_job" or same_track or failed.step in befores:
                yield failed.task

    def _status(self, task: str) -> str:
        known = self._tasks.get(task)
        return known.status if known else "completed"
