"""The status file made again: from the runs, and from git where the runs are not here."""

from collections.abc import Iterable, Mapping
from functools import partial

from runr.errors import RunrError
from runr.evidence import inference, matcher, own_inferences, resets
from runr.evidence.later_changes import HistoryOrder
from runr.git import log
from runr.git.log import Commit
from runr.git.repo import Repo
from runr.runs import journal
from runr.runs.model import RunState
from runr.status.merge import better
from runr.status.model import UNTOUCHED, Entry, State, is_failed_rerun, next_sequence, replay
from runr.storage.layout import Layout
from runr.tasks import repository

#: The events with which a run takes its task.
_CLAIMS = ("run.created", "run.resumed")


def entries(
    layout: Layout, salvaged: Mapping[str, Entry] | None = None, *, keep: bool = True
) -> dict[str, Entry]:
    """Return the statuses that the records prove.

    Runs come first, then what git proves (`inferred`), then what was
    `salvaged`. A salvaged completion of which the record is elsewhere stands
    beside the runs that are here: the better evidence counts. Unless `keep` is false, this
    clone keeps what is inferred.
    """
    here = runs(layout)
    reruns = [run for run in here if is_failed_rerun(run)]
    failed = {run.id for run in reruns}
    ids = {run.id for run in here}
    tasks = {run.id: run.start.task for run in here}
    known = {
        task: entry
        for task, entry in (salvaged or {}).items()
        # A run proves nothing about another task.
        if tasks.get(entry.last_run_id or "", task) == task and entry.last_run_id not in failed
    }
    for task, made in _replayed(layout, [run for run in here if run.id not in failed]).items():
        old = known.get(task, UNTOUCHED)
        foreign = old.status is State.COMPLETED and old.last_run_id not in ids
        known[task] = better(old, made) if foreign else made
    known = resets.apply(layout, known)
    _, found = matcher.read_matches(layout, repository.scan(layout), here, known)
    sequence = next_sequence(known.values())
    order = HistoryOrder(repo=Repo(layout.root), runs={run.id: run for run in here})
    own, inferred = own_inferences.read(layout, known.values()), dict[str, Entry]()
    for task, finding in matcher.certain_matches(found).items():
        entry = known.get(task, UNTOUCHED)
        is_later = partial(order.is_later, finding, entry)
        is_claim = own_inferences.is_inferred(entry) and not own_inferences.is_own(own, task, entry)
        if is_claim or inference.improves(entry, finding, is_later):
            inferred[task] = inference.completed(entry, finding, sequence)
    if keep:
        own_inferences.keep(layout, inferred)
    # Where nothing shows what was before them, they are all there is.
    return _replayed(layout, reruns) | known | inferred


def runs(layout: Layout) -> list[RunState]:
    """Return all runs that are here and can be read, but no copies.

    The checkpoint of a run says which run made it, and for which task; the folder of a
    run that was copied, or given to another task, does not fit to it.
    """
    states = _readable(layout)
    made = {run.checkpoint_sha for run in states if run.checkpoint_sha}
    commits = log.read_commits(Repo(layout.root), made) if made else {}
    return [run for run in states if not _is_copy(run, commits)]


def _is_copy(run: RunState, commits: Mapping[str, Commit]) -> bool:
    commit = commits.get(run.checkpoint_sha or "")
    if commit is None or run.start.kind != "attempt":
        return False
    return not commit.is_checkpoint_of(run.id, run.start.task)


def _readable(layout: Layout) -> list[RunState]:
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
