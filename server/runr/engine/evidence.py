"""What git says about which tasks were finished, with what the records here add to it."""

import re
from collections.abc import Iterable, Mapping, Sequence

from runr.core.inference import ENOUGH, Basis, Finding, title_key
from runr.core.runstate import RunState
from runr.core.status import Entry, Verification
from runr.core.task import Task
from runr.engine import traces
from runr.git import findings
from runr.git.findings import Known
from runr.git.repo import Repo
from runr.git.traces import Reading
from runr.store import mirrorfile
from runr.store.layout import Layout

# What a header says is anybody's text: only what looks right goes on to git.
_SHA = re.compile(r"[0-9a-f]{40,64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def titles(tasks: Iterable[Task]) -> frozenset[str]:
    """Return the subjects by which a commit may be taken for one of the tasks."""
    return frozenset(title_key(task.title) for task in tasks)


def read(
    layout: Layout,
    tasks: Sequence[Task],
    runs: Iterable[RunState],
    entries: Mapping[str, Entry],
    *,
    tree: Repo | None = None,
) -> tuple[Reading, dict[str, Finding]]:
    """Return what was read of the history, and each task's surest finding in it.

    The history is the one that leads to what is checked out in `tree`, which is
    the main working tree unless another is given.
    """
    repo = tree or Repo(layout.root)
    tip = repo.head()
    if tip is None:
        return Reading(commits=0, traces=()), {}
    reading = traces.look(layout, titles(tasks), tip=tip)
    known = [*_of_runs(runs), *_of_entries(entries)]
    found = findings.of(repo, tip, reading.traces, tasks, known)
    for task, finding in _mirrored(layout, tasks).items():
        known_as = found.setdefault(task, finding)
        if known_as.reverted_by is None and known_as.confidence < finding.confidence:
            found[task] = finding
    return reading, found


def sure(found: Mapping[str, Finding]) -> dict[str, Finding]:
    """Return the findings that are believed unless somebody wants more."""
    return {
        task: finding
        for task, finding in found.items()
        if finding.confidence >= ENOUGH and finding.reverted_by is None
    }


def _mirrored(layout: Layout, tasks: Iterable[Task]) -> dict[str, Finding]:
    """Return what the headers of the task files say, where they are kept to say it."""
    if not mirrorfile.is_wanted(layout):
        return {}
    said = {task.path: mirrorfile.read(layout, task.path) for task in tasks}
    return {
        path: Finding(
            task=path,
            sha=_fitting(_SHA, lines.get("completed_commit")),
            time=_fitting(_TIME, lines.get("completed_at")),
            basis=Basis.MIRROR,
            by=lines.get("completed_by"),
        )
        for path, lines in said.items()
        if lines.get("status") == "completed"
    }


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


def _fitting(pattern: re.Pattern[str], text: str | None) -> str:
    return text if text and pattern.fullmatch(text) else ""
