"""What git says about which tasks were finished, with what the records here add to it."""

from collections.abc import Iterable, Mapping, Sequence

from runr.core.inference import Finding, title_key
from runr.core.runstate import RunState
from runr.core.status import Entry, Verification
from runr.core.task import Task
from runr.engine import traces
from runr.git import findings
from runr.git.findings import Known
from runr.git.repo import Repo
from runr.git.traces import Reading
from runr.store.layout import Layout


def titles(tasks: Iterable[Task]) -> frozenset[str]:
    """Return the subjects by which a commit may be taken for one of the tasks."""
    return frozenset(title_key(task.title) for task in tasks)


def read(
    layout: Layout,
    tasks: Sequence[Task],
    runs: Iterable[RunState],
    entries: Mapping[str, Entry],
) -> tuple[Reading, dict[str, Finding]]:
    """Return what was read of the history, and each task's surest finding in it."""
    repo = Repo(layout.root)
    tip = repo.head()
    if tip is None:
        return Reading(commits=0, traces=()), {}
    reading = traces.look(layout, titles(tasks), tip=tip)
    known = [*_of_runs(runs), *_of_entries(entries)]
    return reading, findings.of(repo, tip, reading.traces, tasks, known)


def _of_runs(runs: Iterable[RunState]) -> Iterable[Known]:
    for run in runs:
        if run.checkpoint_sha and run.start.kind == "attempt":
            yield Known(
                task=run.start.task,
                run_id=run.id,
                sha=run.checkpoint_sha,
                verified=run.verification == "passed",
            )


def _of_entries(entries: Mapping[str, Entry]) -> Iterable[Known]:
    for task, entry in entries.items():
        if entry.checkpoint_sha:
            yield Known(
                task=task,
                run_id=entry.last_run_id,
                sha=entry.checkpoint_sha,
                verified=entry.verification is Verification.PASSED,
            )
