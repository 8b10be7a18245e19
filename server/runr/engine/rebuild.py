"""The status file made again: from the runs, and from git where the runs are not here."""

from collections.abc import Mapping

from runr.core.runstate import RunState
from runr.core.status import Entry, Evidence, State, Verification, fold
from runr.errors import RunrError
from runr.git import infer
from runr.git.repo import Repo
from runr.store import runlog
from runr.store.layout import Layout


def entries(layout: Layout, salvaged: Mapping[str, Entry] | None = None) -> dict[str, Entry]:
    """Return the statuses that the records prove.

    Runs come first. A task without a run here is completed if a checkpoint
    commit names it (`inferred`), else it keeps what was `salvaged` for it.
    """
    found: dict[str, Entry] = {}
    for state in runs(layout):
        if state.start.kind == "intervention":
            continue
        task = state.start.task
        found[task] = fold(found.get(task, Entry()), state, state.updated_at[:19] + "Z")
    kept = dict(salvaged or {})
    for task, entry in _inferred(layout).items():
        if kept.get(task, Entry()).status is not State.COMPLETED:
            kept[task] = entry
    return kept | found


def runs(layout: Layout) -> list[RunState]:
    """Return all runs that are here and can be read."""
    states = []
    for run_id in runlog.ids(layout):
        try:
            state = runlog.state(layout.run(run_id))
        except RunrError:
            continue  # `runr doctor` names it; one damaged run must not hide the others
        if state is not None:
            states.append(state)
    return sorted(states, key=lambda state: state.created_at)


def _inferred(layout: Layout) -> dict[str, Entry]:
    repo = Repo(layout.root)
    if repo.head() is None:
        return {}
    return {
        task: Entry(
            status=State.COMPLETED,
            last_run_id=ref.run_ids[0] if ref.run_ids else None,
            updated_at=ref.time,
            completed_at=ref.time,
            completed_by=f"run:{ref.run_ids[0]}" if ref.run_ids else f"commit:{ref.sha}",
            checkpoint_sha=ref.sha,
            verification=Verification.PASSED if ref.verified else Verification.NONE,
            evidence=Evidence.INFERRED,
            attempts=1,
            revision=1,
        )
        for task, ref in infer.completions(repo).items()
    }
