"""Which completions can be doubted: the files, the records and git, looked at together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from runr.config.settings import StatusSettings
from runr.errors import ConfigError, DamagedStateError
from runr.evidence import commit_index, later_changes
from runr.evidence.later_changes import OwnedPaths, RunCommit
from runr.git import checkpoint
from runr.project import Project
from runr.query.backlog import Backlog
from runr.query.graph import Graph
from runr.query.task_state import TaskState, by_urgency
from runr.runs import journal
from runr.status import staleness
from runr.status.model import UNTOUCHED, Entry, State
from runr.status.staleness import Changes, StaleReason, StaleTrigger
from runr.storage.database import cached
from runr.tasks.model import Task


def staleness_settings(project: Project) -> StatusSettings:
    """Return how statuses are judged; the defaults where the settings cannot be read.

    Whoever only looks is not refused for a mistake in them: `runr doctor` names it.
    """
    try:
        return project.config().status
    except ConfigError:
        return StatusSettings()


def find_stale(
    project: Project,
    tasks: Sequence[Task],
    entries: Mapping[str, Entry],
    dependencies: Mapping[str, Collection[str]],
    wanted: StatusSettings,
) -> dict[str, tuple[StaleReason, ...]]:
    """Return the doubts about each completed task; none where the policy is to ignore them."""
    if wanted.stale == "ignore":
        return {}
    with project.doing("reading the history"):
        changes = _changes(project, tasks, entries, wanted)
    return staleness.find_stale_reasons(tasks, entries, dependencies, wanted.stale_on, changes)


def _changes(
    project: Project,
    tasks: Sequence[Task],
    entries: Mapping[str, Entry],
    wanted: StatusSettings,
) -> Changes:
    """Return what git says, which is asked only where a completed task is watched for it."""
    done = {
        task.path: (entry, staleness.triggers_for(task, wanted.stale_on), task)
        for task in tasks
        if (entry := entries.get(task.path)) and entry.status is State.COMPLETED
    }
    mortal = {path: e for path, (e, asked, _) in done.items() if "reverted" in asked}
    owners = [(task, e) for e, asked, task in done.values() if "owns" in asked and task.owns]
    mortal = {path: entry for path, entry in mortal.items() if entry.checkpoint_sha}
    tip = project.repo.head() if mortal or owners else None
    if tip is None:
        return staleness.NO_CHANGES
    return Changes(reverted=_reverted(project, tip, mortal), outside=_outside(project, tip, owners))


def _reverted(project: Project, tip: str, entries: Mapping[str, Entry]) -> dict[str, str]:
    if not entries:
        return {}
    repo, layout = project.repo, project.layout
    seen = commit_index.load_commits(layout, tip=tip, about=later_changes.REVERT_PATTERN).traces
    gone = later_changes.reverted_commits(repo, seen)
    if not gone:
        return {}
    when = {trace.sha: trace.time for trace in seen}
    commits = later_changes.trailed_commits(commit_index.load_commits(layout, tip=tip).traces)
    found = {
        path: by
        for path, entry in entries.items()
        if (by := later_changes.of_run(entry.last_run_id, entry.checkpoint_sha, commits, gone))
    }
    return {path: by for path, by in found.items() if when[by] >= (entries[path].accepted_at or "")}


def _outside(
    project: Project, tip: str, owners: Sequence[tuple[Task, Entry]]
) -> dict[str, tuple[str, ...]]:
    if not owners:
        return {}
    commits = later_changes.trailed_commits(
        commit_index.load_commits(project.layout, tip=tip).traces
    )
    claims = [
        OwnedPaths(
            task=task.path,
            owns=task.owns,
            since=since,
            own=tuple(each.sha for each in commits if each.task == task.path),
        )
        for task, entry in owners
        if (since := _since(project, entry, commits))
    ]
    answer = cached(
        project.layout,
        "outside",
        [tip, [asdict(claim) for claim in claims]],
        lambda: later_changes.changes_outside(project.repo, tip, claims),
    )
    return {path: tuple(shas) for path, shas in answer.items()}


def _since(project: Project, entry: Entry, commits: Sequence[RunCommit]) -> str | None:
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
        state = journal.state(project.layout.run(entry.last_run_id or ""))
    except DamagedStateError:
        return None
    return state.start.base_sha if state and entry.last_run_id else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What every question about tasks is answered from."""

    tasks: tuple[Task, ...]
    entries: Mapping[str, Entry]
    graph: Graph
    unmerged: frozenset[str]
    stale_reasons: Mapping[str, tuple[StaleReason, ...]]
    rerun: bool

    @classmethod
    def of(cls, project: Project) -> "Snapshot":
        """Look at the tasks, the statuses and, where a checkpoint may be missing, at git."""
        tasks, entries = project.tasks(), project.entries()
        elsewhere = any(entry.branch for entry in entries.values())
        branch = project.repo.branch() if elsewhere else None
        waiting = frozenset(
            path for path, entry in entries.items() if _is_unmerged(project, path, entry, branch)
        )
        graph, wanted = Graph.of(tasks), staleness_settings(project)
        before = {path: edge.paths for path, edge in graph.edges.items()}
        return cls(
            tasks=tasks,
            entries=entries,
            graph=graph,
            unmerged=waiting,
            stale_reasons=find_stale(project, tasks, entries, before, wanted),
            rerun=wanted.stale == "rerun",
        )

    def entry(self, task: Task) -> Entry:
        """Return what is recorded of the task."""
        return self.entries.get(task.path, UNTOUCHED)

    def state_of(self, task: Task) -> TaskState:
        """Return where the task stands."""
        entry = self.entry(task)
        done = entry.status is State.COMPLETED
        return TaskState(
            task=task,
            entry=entry,
            blocked_by=() if done else self.blockers(task),
            stale=task.path in self.stale_reasons,
            stale_reasons=self.stale_reasons.get(task.path, ()),
            rerun=self.rerun,
            unmerged=task.path in self.unmerged,
        )

    def task_states(self) -> dict[str, TaskState]:
        """Return where every task stands, and every recorded one whose file is gone."""
        found = {task.path: self.state_of(task) for task in self.tasks}
        for path in self.entries.keys() - found.keys():
            task = Task(path=path, title=path.rsplit("/", 1)[-1])
            found[path] = TaskState(task=task, entry=self.entries[path], orphaned=True)
        return found

    def backlog(
        self, task_states: Mapping[str, TaskState], among: Collection[str] | None = None
    ) -> Backlog:
        """Return the open part of the graph, or what of it is `among` these paths."""
        return Backlog.of(self.graph, task_states, among)

    def urgent_first(
        self, some: Iterable[TaskState], task_states: Mapping[str, TaskState]
    ) -> list[TaskState]:
        """Return the tasks by priority, then by how many wait for them, then by name."""
        tasks = list(some)
        # Where the priorities decide, nobody has to count what waits for what.
        tie = len({task.task.priority for task in tasks}) < len(tasks)
        return by_urgency(tasks, self.backlog(task_states).reach() if tie else {})

    def blockers(self, task: Task) -> tuple[str, ...]:
        """Return what keeps the task from being started."""
        reverted = (
            path
            for path, found in self.stale_reasons.items()
            if any(stale_reason.cause is StaleTrigger.REVERTED for stale_reason in found)
        )
        return self.graph.blockers(task.path, self.entries, self.unmerged.union(reverted))


def _is_unmerged(project: Project, path: str, entry: Entry, branch: str | None) -> bool:
    """Tell whether a completed task's checkpoint still waits on another branch."""
    if entry.status is not State.COMPLETED or entry.branch is None or entry.checkpoint_sha is None:
        return False
    repo = project.repo
    if entry.branch == branch:
        return False
    if repo.head() is None:
        return True
    if repo.is_ancestor(entry.checkpoint_sha, "HEAD"):
        return False
    # It may have come in as another commit: rebased, picked, or squashed with its trailers.
    return all(entry.last_run_id not in ref.run_ids for ref in checkpoint.of_task(repo, path))
