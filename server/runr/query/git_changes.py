"""What git says of completed tasks: work reverted or dropped, files that others changed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from runr.errors import DamagedStateError
from runr.evidence import commit_index, dropped_work, later_changes, on_branch, undone_work
from runr.evidence.later_changes import OwnedPaths, RunCommit
from runr.git.file_changes import CommitChanges
from runr.project import Project
from runr.runs import journal
from runr.status import staleness
from runr.status.model import Entry, State
from runr.status.staleness import Changes
from runr.storage.database import cached
from runr.tasks.model import Task, Watched


def find_changes(
    project: Project,
    tip: str,
    tasks: Sequence[Task],
    entries: Mapping[str, Entry],
    usual: Sequence[Watched],
) -> Changes:
    """Return what was done in the history of `tip` to the work of completed tasks."""
    checkpoints: dict[str, Entry] = {}
    owners: list[tuple[Task, Entry]] = []
    always = frozenset(usual)
    for task in tasks:
        entry = entries.get(task.path)
        if entry is None or entry.status is not State.COMPLETED:
            continue
        watched = staleness.triggers_for(task, always)
        if "reverted" in watched and entry.checkpoint_sha:
            checkpoints[task.path] = entry
        if "owns" in watched and task.owns:
            owners.append((task, entry))
    here = _here(project, tip, entries, checkpoints) if checkpoints else {}
    return Changes(
        reverted=_reverted(project, tip, checkpoints) if checkpoints else {},
        dropped=_dropped(project, tip, here, entries) if here else {},
        undone=_undone(project, tip, here, entries) if here else {},
        outside=_outside(project, tip, owners) if owners else {},
    )


def _reverted(project: Project, tip: str, entries: Mapping[str, Entry]) -> dict[str, str]:
    layout = project.layout
    seen = commit_index.load_commits(layout, tip=tip, about=later_changes.REVERT_PATTERN).traces
    gone = later_changes.reverted_commits(project.repo, seen)
    if not gone:
        return {}
    by_run: dict[str | None, list[RunCommit]] = defaultdict(list)
    for each in later_changes.trailed_commits(commit_index.load_commits(layout, tip=tip).traces):
        by_run[each.run_id].append(each)
    found = {}
    for path, entry in entries.items():
        own = by_run.get(entry.last_run_id, ())
        by = later_changes.of_run(entry.last_run_id, entry.checkpoint_sha, own, gone)
        if by and not _was_there(project, by, entry.acknowledged_commit):
            found[path] = by
    return found


def _here(
    project: Project, tip: str, entries: Mapping[str, Entry], checkpoints: Mapping[str, Entry]
) -> dict[str, str]:
    """Return the commits of tasks that lead to the tip as they were made."""
    where = on_branch.find_absent(project.layout, project.repo, tip, entries)
    return {
        path: entry.checkpoint_sha or ""
        for path, entry in checkpoints.items()
        if path not in where.absent and path not in where.rewritten
    }


def _dropped(
    project: Project, tip: str, here: Mapping[str, str], entries: Mapping[str, Entry]
) -> dict[str, str]:
    shas = sorted(set(here.values()))
    merged: dropped_work.Merged = project.memo.get("changes of merges", (), dict)
    gone = cached(
        project.layout,
        "dropped",
        [tip, shas],
        lambda: dropped_work.find_dropped(
            project.repo, tip, shas, _changes_of_commits(project), merged
        ),
    )
    return _unless_acknowledged(project, here, entries, gone)


def _undone(
    project: Project, tip: str, here: Mapping[str, str], entries: Mapping[str, Entry]
) -> dict[str, str]:
    shas = sorted(set(here.values()))
    gone = cached(
        project.layout,
        "undone",
        [tip, shas],
        lambda: undone_work.find_undone(project.repo, tip, shas, _changes_of_commits(project)),
    )
    return _unless_acknowledged(project, here, entries, gone)


def _changes_of_commits(project: Project) -> dict[str, CommitChanges]:
    """Return what is known of commits, which is read once in a process."""
    known: dict[str, CommitChanges] = project.memo.get("changes of commits", (), dict)
    return known


def _unless_acknowledged(
    project: Project,
    here: Mapping[str, str],
    entries: Mapping[str, Entry],
    gone: Mapping[str, str],
) -> dict[str, str]:
    return {
        path: by
        for path, sha in here.items()
        if (by := gone.get(sha)) and not _was_there(project, by, entries[path].acknowledged_commit)
    }


def _was_there(project: Project, sha: str, acknowledged: str | None) -> bool:
    """Tell whether a commit led to what was checked out when a person acknowledged the task."""
    repo = project.repo
    if not acknowledged or repo.resolve(acknowledged) is None:
        return False
    return repo.is_ancestor(sha, acknowledged)


def _outside(
    project: Project, tip: str, owners: Sequence[tuple[Task, Entry]]
) -> dict[str, tuple[str, ...]]:
    commits = later_changes.trailed_commits(
        commit_index.load_commits(project.layout, tip=tip).traces
    )
    of_task: dict[str, list[str]] = defaultdict(list)
    of_run: dict[str | None, list[str]] = defaultdict(list)
    for each in commits:
        of_task[each.task].append(each.sha)
        of_run[each.run_id].append(each.sha)
    claims = [
        OwnedPaths(
            task=task.path, owns=task.owns, since=since, own=tuple(of_task.get(task.path, ()))
        )
        for task, entry in owners
        if (since := _since(project, entry, of_run.get(entry.last_run_id, ())))
    ]
    answer = cached(
        project.layout,
        "outside",
        [tip, [asdict(claim) for claim in claims]],
        lambda: later_changes.changes_outside(project.repo, tip, claims),
    )
    return {path: tuple(shas) for path, shas in answer.items()}


def _since(project: Project, entry: Entry, arrived: Sequence[str]) -> str | None:
    """Return the commit with which the completed work was in the history."""
    if entry.acknowledged_commit:
        return entry.acknowledged_commit
    if entry.checkpoint_sha in arrived or not arrived:
        return entry.checkpoint_sha or _base_of_run(project, entry)
    return arrived[0]


def _base_of_run(project: Project, entry: Entry) -> str | None:
    """Return what HEAD was when a person completed the task."""
    if entry.last_run_id is None:
        return None
    try:
        state = journal.state(project.layout.run(entry.last_run_id))
    except DamagedStateError:
        return None
    return state.start.base_sha if state else None
