"""The status file made again: from the runs, and from git where the runs are not here."""

from collections.abc import Iterable, Mapping

from runr.errors import RunrError
from runr.evidence import inference, matcher
from runr.runs import journal
from runr.runs.model import RunState
from runr.status.merge import better
from runr.status.model import UNTOUCHED, Entry, State, replay
from runr.storage.layout import Layout
from runr.tasks import repository

#: The events with which a run takes its task.
_CLAIMS = ("run.created", "run.resumed")


def entries(layout: Layout, salvaged: Mapping[str, Entry] | None = None) -> dict[str, Entry]:
    """Return the statuses that the records prove.

    Runs come first, then what git proves (`inferred`), then what was
    `salvaged`. A salvaged completion of which the record is elsewhere stands
    beside the runs that are here: the better evidence counts.
    """
    known = dict(salvaged or {})
    here = runs(layout)
    ids = {run.id for run in here}
    for task, made in _replayed(layout, here).items():
        old = known.get(task, UNTOUCHED)
        foreign = old.status is State.COMPLETED and old.last_run_id not in ids
        known[task] = better(old, made) if foreign else made
    _, found = matcher.read_matches(layout, repository.scan(layout), here, known)
    for task, finding in matcher.certain_matches(found).items():
        entry = known.get(task, UNTOUCHED)
        if inference.improves(entry, finding):
            known[task] = inference.completed(entry, finding)
    return known


def runs(layout: Layout) -> list[RunState]:
    """Return all runs that are here and can be read."""
    states = []
    for run_id in journal.ids(layout):
        try:
            state = journal.folded(layout.run(run_id))
        except RunrError:
            continue  # `runr doctor` names it; one damaged run must not hide the others
        if state is not None:
            states.append(state)
    return states


def _replayed(layout: Layout, states: Iterable[RunState]) -> dict[str, Entry]:
    by_task: dict[str, list[RunState]] = {}
    for state in states:
        by_task.setdefault(state.start.task, []).append(state)
    made = {
        task: replay((_claimed(layout, state), state) for state in group)
        for task, group in by_task.items()
        if task
    }
    return {task: entry for task, entry in made.items() if entry != UNTOUCHED}


def _claimed(layout: Layout, state: RunState) -> str:
    """Return when the run last took its task."""
    events = journal.events(layout.run(state.id))
    return max((event.time for event in events if event.type in _CLAIMS), default=state.created_at)
