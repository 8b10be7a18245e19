"""How long tasks take, and what they cost, as earlier runs say."""

from datetime import datetime
from statistics import median
from typing import NamedTuple

from runr.project import Project
from runr.runs import journal
from runr.runs.model import RunState
from runr.status.model import Entry

#: As many of the latest runs are looked at.
_LATEST = 100


class History(NamedTuple):
    """The seconds and dollars of a task's last run, by its path, and those that are usual.

    Where nothing is known of a task, the usual ones are taken; None where there are none.
    """

    seconds: dict[str, float]
    dollars: dict[str, float]
    usual_s: float | None = None
    usual_usd: float | None = None

    def seconds_of(self, task: str) -> float | None:
        """Return how long a task may take."""
        return self.seconds.get(task, self.usual_s)

    def dollars_of(self, task: str) -> float | None:
        """Return what a task may cost."""
        return self.dollars.get(task, self.usual_usd)


def of(project: Project) -> History:
    """Return what the latest completed runs say."""
    entries: dict[str, Entry] = dict(project.entries())
    known = {entry.last_run_id: task for task, entry in entries.items() if entry.last_run_id}
    seconds: dict[str, float] = {}
    dollars: dict[str, float] = {}
    for run_id in sorted(known, reverse=True)[:_LATEST]:
        state = journal.state(project.layout.run(run_id))
        if state is None or state.result is None or state.start.worker == "person":
            continue
        seconds[known[run_id]] = _seconds(state)
        if state.usage.cost_usd is not None:
            dollars[known[run_id]] = state.usage.cost_usd
    return History(
        seconds,
        dollars,
        median(seconds.values()) if seconds else None,
        median(dollars.values()) if dollars else None,
    )


def _seconds(state: RunState) -> float:
    until = datetime.fromisoformat(state.ended_at or state.updated_at)
    return (until - datetime.fromisoformat(state.created_at)).total_seconds()
