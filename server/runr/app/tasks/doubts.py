"""Which completions can be doubted: the files, the records and git, looked at together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

from runr.app.project import Project
from runr.core import staleness
from runr.core.config import StatusSettings
from runr.core.staleness import Changes, Doubt
from runr.core.status import Entry, State
from runr.core.task import Task
from runr.engine import traces
from runr.errors import ConfigError, DamagedStateError
from runr.git import outside, reverts
from runr.git.outside import Claim
from runr.git.reverts import Named
from runr.store import runlog
from runr.store.answers import remembered


def settings(project: Project) -> StatusSettings:
    """Return how statuses are judged; the defaults where the settings cannot be read.

    Whoever only looks is not refused for a mistake in them: `runr doctor` names it.
    """
    try:
        return project.config().status
    except ConfigError:
        return StatusSettings()


def find(
    project: Project,
    tasks: Sequence[Task],
    entries: Mapping[str, Entry],
    dependencies: Mapping[str, Collection[str]],
    wanted: StatusSettings,
) -> dict[str, tuple[Doubt, ...]]:
    """Return the doubts about each completed task; none where the policy is to ignore them."""
    if wanted.stale == "ignore":
        return {}
    with project.doing("reading the history"):
        changes = _changes(project, tasks, entries, wanted)
    return staleness.doubts(tasks, entries, dependencies, wanted.stale_on, changes)


def _changes(
    project: Project,
    tasks: Sequence[Task],
    entries: Mapping[str, Entry],
    wanted: StatusSettings,
) -> Changes:
    """Return what git says, which is asked only where a completed task is watched for it."""
    done = {
        task.path: (entry, staleness.watched(task, wanted.stale_on), task)
        for task in tasks
        if (entry := entries.get(task.path)) and entry.status is State.COMPLETED
    }
    mortal = {path: e for path, (e, asked, _) in done.items() if "reverted" in asked}
    owners = [(task, e) for e, asked, task in done.values() if "owns" in asked and task.owns]
    mortal = {path: entry for path, entry in mortal.items() if entry.checkpoint_sha}
    tip = project.repo.head() if mortal or owners else None
    if tip is None:
        return staleness.NOTHING
    return Changes(reverted=_reverted(project, tip, mortal), outside=_outside(project, tip, owners))


def _reverted(project: Project, tip: str, entries: Mapping[str, Entry]) -> dict[str, str]:
    if not entries:
        return {}
    repo, layout = project.repo, project.layout
    seen = traces.look(layout, tip=tip, about=reverts.WORDS).traces
    gone = reverts.undone(repo, seen)
    if not gone:
        return {}
    when = {trace.sha: trace.time for trace in seen}
    commits = reverts.named(traces.look(layout, tip=tip).traces)
    found = {
        path: by
        for path, entry in entries.items()
        if (by := reverts.of_run(entry.last_run_id, entry.checkpoint_sha, commits, gone))
    }
    return {path: by for path, by in found.items() if when[by] >= (entries[path].accepted_at or "")}


def _outside(
    project: Project, tip: str, owners: Sequence[tuple[Task, Entry]]
) -> dict[str, tuple[str, ...]]:
    if not owners:
        return {}
    commits = reverts.named(traces.look(project.layout, tip=tip).traces)
    claims = [
        Claim(
            task=task.path,
            owns=task.owns,
            since=since,
            own=tuple(each.sha for each in commits if each.task == task.path),
        )
        for task, entry in owners
        if (since := _since(project, entry, commits))
    ]
    answer = remembered(
        project.layout,
        "outside",
        [tip, [asdict(claim) for claim in claims]],
        lambda: outside.changes(project.repo, tip, claims),
    )
    return {path: tuple(shas) for path, shas in answer.items()}


def _since(project: Project, entry: Entry, commits: Sequence[Named]) -> str | None:
    """Return the commit with which the completed work was there."""
    if entry.accepted_commit:
        return entry.accepted_commit
    arrived = [each.sha for each in commits if each.run_id == entry.last_run_id]
    if entry.checkpoint_sha in arrived or not arrived:
        return entry.checkpoint_sha or _head_then(project, entry)
    return arrived[0]


def _head_then(project: Project, entry: Entry) -> str | None:
    """Return what HEAD was when a person completed the task."""
    try:
        state = runlog.state(project.layout.run(entry.last_run_id or ""))
    except DamagedStateError:
        return None
    return state.start.base_sha if state and entry.last_run_id else None
