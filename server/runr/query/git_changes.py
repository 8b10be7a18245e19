"""What git says of completed tasks: work reverted or dropped, files that others changed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

from runr.errors import DamagedStateError
from runr.evidence import commit_index, dropped_work, later_changes, lost_work, on_branch
from runr.evidence.later_changes import OwnedPaths
from runr.evidence.lost_work import Known, Lost
from runr.project import Project
from runr.runs import journal
from runr.status import branch, staleness
from runr.status.branch import OnBranch
from runr.status.model import Entry, State
from runr.status.staleness import Changes
from runr.storage.database import cached
from runr.tasks.model import Task, Watched

_WAYS = {
    "reverted": staleness.describe_reverted,
    "dropped": staleness.describe_dropped,
    "undone": staleness.describe_undone,
}


def find_changes(
    project: Project,
    tip: str,
    tasks: Sequence[Task],
    entries: Mapping[str, Entry],
    usual: Sequence[Watched],
    *,
    where: OnBranch | None = None,
) -> Changes:
    """Return what was done in the history of `tip` to the work of completed tasks.

    `where` says which of them are on the branch, if that was asked before.
    """
    checkpoints: dict[str, Entry] = {}
    owners: list[tuple[Task, Entry]] = []
    always = frozenset(usual)
    for task in tasks:
        entry = entries.get(task.path)
        if entry is None or entry.status is not State.COMPLETED:
            continue
        watched = staleness.triggers_for(task, always) if task.stale_on else always
        if "reverted" in watched and entry.checkpoint_sha:
            checkpoints[task.path] = entry
        if "owns" in watched and task.owns:
            owners.append((task, entry))
    lost = _lost(project, tip, entries, checkpoints, where) if checkpoints else {}
    return Changes(
        **{way: {path: each.by for path, each in lost.items() if each.way == way} for way in _WAYS},
        outside=_outside(project, tip, owners) if owners else {},
    )


def gone_from(project: Project, tip: str, entries: Mapping[str, Entry]) -> dict[str, str]:
    """Say why the work of completions is not at the tip: it is elsewhere, or was taken from there.

    What a person acknowledged since counts as there.
    """
    where = on_branch.find_absent(project.layout, project.repo, tip, entries)
    lost = _lost(project, tip, entries, entries, where)
    absent = {path: branch.describe(absence) for path, absence in where.absent.items()}
    return absent | {path: _WAYS[each.way](each.by) for path, each in lost.items()}


def _lost(
    project: Project,
    tip: str,
    entries: Mapping[str, Entry],
    asked: Collection[str],
    where: OnBranch | None,
) -> dict[str, Lost]:
    known = Known(
        changes=project.memo.get("changes of commits", (), dict),
        walked=project.memo.get("history behind the tip", (), dropped_work.Walked),
        reached=project.memo.get("on the branch", (), on_branch.Reached),
        where=where,
        digest=project.digest_of(entries),
    )
    found = lost_work.find_lost(project.layout, project.repo, tip, entries, known)
    return {
        path: lost[0]
        for path in found.keys() & asked
        if (
            lost := [
                each
                for each in found[path]
                if not _was_there(project, each.by, entries[path].acknowledged_commit)
            ]
        )
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
