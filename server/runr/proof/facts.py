"""What there is to prove recorded completions with: runs, commits, the history. Reads only."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from runr.errors import RunrError
from runr.evidence import matcher, rebuild, resets
from runr.evidence.inference import CommitMatch
from runr.git import log, merge
from runr.git.log import Commit
from runr.project import Project
from runr.proof.rules import CommitFacts, Facts, override_of
from runr.query import git_changes
from runr.query.snapshot import Snapshot
from runr.runs import journal, stop_reasons
from runr.runs.completed_runs import ResetRecord
from runr.runs.model import RunState
from runr.status import staleness
from runr.status.branch import Rewritten
from runr.status.model import Entry, Evidence, State
from runr.storage import state_dir
from runr.tasks.model import Task, TaskType

#: What is in a status file is a claim: only a whole id of an object is passed to git.
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class _Record(NamedTuple):
    """What is known of a run from its own record, if it is here and of this clone."""

    state: RunState | None = None
    damage: str | None = None
    is_foreign: bool = False


def collect(project: Project, snapshot: Snapshot, tasks: Iterable[str]) -> list[Facts]:
    """Return the facts about those of the tasks that are recorded as completed."""
    # As they are recorded, not as far as they count.
    entries, known = project.entries(), snapshot.task_states()
    wanted = [task for task in tasks if _is_completed(entries, task)]
    runs = {task: _run(project, entries[task]) for task in wanted}
    states = {task: found.state for task, found in runs.items() if found.state is not None}
    shas = {task: _shas(entries[task], states.get(task)) for task in wanted}
    # All runs take long to read, and are asked only where the record of the own one is not enough.
    alone = any(runs[task].state is None or _is_inferred(entries[task]) for task in wanted)
    forced = any(override_of(entries[task], states.get(task)) for task in wanted)
    known_runs = rebuild.runs(project.layout) if alone or forced else []
    matches = _matches(project, snapshot, entries, known_runs) if alone else {}
    known_resets = resets.read(project.layout)
    named = {sha for pair in shas.values() for sha in pair}
    where = snapshot.on_branch
    named |= {rewritten.sha for rewritten in where.rewritten.values()}
    commits = log.read_commits(project.repo, named)
    undone = _undone(project, [known[task].task for task in wanted], entries)
    shared, branch = state_dir.is_shared(project.layout), project.repo.branch() or "HEAD"
    return [
        Facts(
            task=task,
            entry=entries[task],
            taken_back=_taken_back(known_resets, task, entries[task], runs[task].state),
            run=runs[task].state,
            damage=runs[task].damage,
            is_foreign=runs[task].is_foreign,
            commit=_checkpoint(commits.get(shas[task][0]), task, entries[task].last_run_id),
            landed=_commit(commits.get(shas[task][1])),
            on_branch=task not in where.absent and task not in where.rewritten,
            rewritten=where.rewritten.get(task),
            rewritten_tree=_tree(commits, where.rewritten.get(task)),
            undone=undone.get(task),
            match=matches.get(task),
            unlanded=_unlanded(project, task, runs[task].state, entries[task], known_runs),
            open_dependencies=snapshot.blockers(known[task].task),
            stale_reasons=tuple(reason.message for reason in known[task].stale_reasons),
            is_acknowledged=bool(snapshot.entries[task].acknowledged_run),
            is_manual=known[task].task.type is TaskType.MANUAL,
            is_hybrid=known[task].task.type is TaskType.HYBRID,
            is_shared=shared,
            branch=branch,
        )
        for task in wanted
    ]


def _undone(
    project: Project, tasks: Sequence[Task], entries: Mapping[str, Entry]
) -> dict[str, str]:
    """Say of tasks which commit took their work back, whatever the settings call stale."""
    tip = project.tip()
    if tip is None:
        return {}
    changes = git_changes.find_changes(project, tip, tasks, entries, ("reverted",))
    return {
        **{task: staleness.describe_undone(by) for task, by in changes.undone.items()},
        **{task: staleness.describe_dropped(by) for task, by in changes.dropped.items()},
        **{task: staleness.describe_reverted(by) for task, by in changes.reverted.items()},
    }


def _is_completed(entries: Mapping[str, Entry], task: str) -> bool:
    return task in entries and entries[task].status is State.COMPLETED


def _is_inferred(entry: Entry) -> bool:
    return entry.evidence is Evidence.INFERRED


def _run(project: Project, entry: Entry) -> _Record:
    if not entry.last_run_id or "/" in entry.last_run_id:
        return _Record()
    run = project.layout.run(entry.last_run_id)
    try:
        # The events, not the cached state, which any program could have written.
        state = journal.folded(run)
        return _Record(state, is_foreign=state is None and journal.is_foreign(run))
    except (RunrError, OSError) as error:
        return _Record(damage=getattr(error, "message", str(error)))


def _taken_back(
    known: Iterable[ResetRecord], task: str, entry: Entry, run: RunState | None
) -> str | None:
    sequence = run.sequence if run else entry.sequence
    made = resets.find(known, task, entry.last_run_id, sequence)
    return resets.explain(made) if made else None


def _shas(entry: Entry, run: RunState | None) -> tuple[str, str]:
    landed = run.integration.commit_sha if run else None
    return _whole(entry.checkpoint_sha), _whole(landed)


def _whole(sha: str | None) -> str:
    return sha if sha and _SHA.fullmatch(sha) else ""


def _commit(commit: Commit | None, *, own: bool = False) -> CommitFacts | None:
    if commit is None:
        return None
    return CommitFacts(commit.sha, commit.tree, is_own=own)


def _checkpoint(commit: Commit | None, task: str, run_id: str | None) -> CommitFacts | None:
    own = commit is not None and commit.is_checkpoint_of(run_id or "", task)
    return _commit(commit, own=own)


def _tree(commits: Mapping[str, Commit], rewritten: Rewritten | None) -> str | None:
    found = commits.get(rewritten.sha) if rewritten else None
    return found.tree if found else None


def _unlanded(
    project: Project,
    task: str,
    own: RunState | None,
    entry: Entry,
    runs: Sequence[RunState],
) -> str | None:
    """Return a branch on which verified work of a task waits that was completed by force."""
    if not override_of(entry, own):
        return None
    waiting = (
        run.start.branch
        for run in runs
        if run.start.task == task and run.start.branch and run.stop_reason in stop_reasons.LANDING
    )
    return next((each for each in waiting if merge.is_left_out(project.repo, each)), None)


def _matches(
    project: Project,
    snapshot: Snapshot,
    entries: Mapping[str, Entry],
    runs: Sequence[RunState],
) -> dict[str, CommitMatch]:
    with project.doing("reading the history"):
        _, found = matcher.read_matches(
            project.layout,
            snapshot.tasks,
            runs,
            entries,
            tree=project.repo,
        )
    return matcher.certain_matches(found)
