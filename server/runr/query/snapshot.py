"""The states of all tasks at one moment: task files, status file and git together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from runr import nofollow
from runr.config.staleness import StalenessPolicy
from runr.project import Project
from runr.query.backlog import Backlog
from runr.query.graph import Graph
from runr.query.task_state import Reach, TaskState, rank_tasks
from runr.status import staleness
from runr.status.branch import NOTHING_ABSENT, OnBranch
from runr.status.model import UNTOUCHED, Entry, Evidence, State
from runr.status.staleness import Changes, StaleReason, StaleTrigger
from runr.tasks.model import Task

if TYPE_CHECKING:
    from runr.git.log import Commit

#: What makes a completed task stale whose work is not here any more.
_UNDONE = (StaleTrigger.REVERTED, StaleTrigger.DROPPED)
_NOT_HERE = "its commit is not on this branch"


# Without slots, for the cached properties.
@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What every question about tasks is answered from.

    `entries` are those that the records of this clone support; `unproved` says of the others
    why they do not count as completed. `on_branch` has the completed tasks whose commit is
    not on this branch.
    """

    tasks: tuple[Task, ...]
    entries: Mapping[str, Entry]
    unproved: Mapping[str, str]
    graph: Graph
    on_branch: OnBranch
    stale_reasons: Mapping[str, tuple[StaleReason, ...]]
    rerun: bool
    accepted: Evidence

    @classmethod
    def of(cls, project: Project) -> "Snapshot":
        """Return the tasks as they are now; the last snapshot where nothing has changed."""
        tasks, (entries, unproved) = project.tasks(), _supported(project)
        policy = project.staleness_policy()
        committed, watched = project.memo.get(
            "needs git",
            (tasks, entries, policy),
            lambda: (_names_commit(entries), _needs_history(tasks, entries, policy)),
        )
        tip = project.tip() if committed or watched else None

        def build() -> Snapshot:
            named = _named_dependencies(tasks)
            graph = project.memo.get("graph", (named,), lambda: Graph.of(tasks))
            found = _on_branch(project, tip, entries) if committed else NOTHING_ABSENT
            followed = tip if watched else None
            changes = _changes(project, followed, tasks, entries, policy, where=found)
            return cls(
                tasks=tasks,
                entries=_weakened(project, entries, found),
                unproved=unproved,
                graph=graph,
                on_branch=found,
                stale_reasons=_stale_reasons(tasks, entries, graph, policy, changes),
                rerun=policy.stale == "rerun",
                accepted=Evidence(policy.dependencies),
            )

        return project.memo.get("snapshot", (tasks, entries, policy, tip), build)

    def entry(self, task: Task) -> Entry:
        """Return what is recorded of the task."""
        return self.entries.get(task.path, UNTOUCHED)

    def state_of(self, task: Task) -> TaskState:
        """Return the state of the task."""
        path = task.path
        entry = self.entries.get(path, UNTOUCHED)
        reasons = self.stale_reasons.get(path, ())
        # Only an open task with dependencies can be blocked.
        open_ = task.depends_on and entry.status is not State.COMPLETED
        return TaskState(
            task=task,
            entry=entry,
            blocked_by=self.blockers(task) if open_ else (),
            stale=bool(reasons),
            stale_reasons=reasons,
            rerun=self.rerun,
            absent=self.on_branch.absent.get(path),
            rewritten=self.on_branch.rewritten.get(path),
            unproved=self.unproved.get(path),
        )

    def task_states(self) -> Mapping[str, TaskState]:
        """Return the state of every task, and of every recorded one whose file is gone."""
        return self._task_states

    def backlog(self, among: Collection[str] | None = None) -> Backlog:
        """Return the open part of the graph, or what of it is `among` these paths."""
        return self._backlog if among is None else Backlog.of(self.graph, self._task_states, among)

    def reach(self) -> Reach:
        """Return how many open tasks depend on each open one, directly or not."""
        return self._reach

    def ranked(self, some: Iterable[TaskState]) -> list[TaskState]:
        """Return the tasks by priority, then by how many depend on them, then by name."""
        tasks = list(some)
        # Where the priorities decide, dependents need not be counted.
        tie = len({task.task.priority for task in tasks}) < len(tasks)
        return rank_tasks(tasks, self._reach if tie else {})

    def blockers(self, task: Task) -> tuple[str, ...]:
        """Return what keeps the task from being started."""
        return self.graph.blockers(task.path, self.entries, self._unfit)

    @cached_property
    def selections(self) -> dict[object, Any]:
        """What was found for questions about these tasks, by what was asked."""
        return {}

    @cached_property
    def _task_states(self) -> dict[str, TaskState]:
        found = {task.path: self.state_of(task) for task in self.tasks}
        for path in self.entries.keys() - found.keys():
            task = Task(path=path, title=path.rsplit("/", 1)[-1])
            found[path] = TaskState(task=task, entry=self.entries[path], orphaned=True)
        return found

    @cached_property
    def _backlog(self) -> Backlog:
        return Backlog.of(self.graph, self._task_states)

    @cached_property
    def _reach(self) -> Reach:
        return self._backlog.reach()

    @cached_property
    def _unfit(self) -> dict[str, str]:
        """The completed tasks that no other can build on yet, and why."""
        undone = {
            path: reason.message
            for path, reasons in self.stale_reasons.items()
            for reason in reasons
            if reason.cause in _UNDONE
        }
        return self._too_weak() | undone | dict.fromkeys(self.on_branch.absent, _NOT_HERE)

    def _too_weak(self) -> dict[str, str]:
        """Return the completed tasks with weaker evidence than the settings accept."""
        if self.accepted is Evidence.INFERRED:
            return {}
        return {
            path: f"it is only {entry.evidence.label}"
            for path, entry in self.entries.items()
            if entry.status is State.COMPLETED
            and entry.evidence is not None
            and not entry.evidence.is_at_least(self.accepted)
        }


def _named_dependencies(tasks: Sequence[Task]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return all that a graph is made of."""
    return tuple([(task.path, task.depends_on) for task in tasks])


def _supported(project: Project) -> tuple[Mapping[str, Entry], Mapping[str, str]]:
    """Return the entries as far as they count, and why completions do not."""
    entries = project.entries()
    if not any(entry.status is State.COMPLETED for entry in entries.values()):
        return entries, {}
    # As in `_changes`.
    from runr.evidence import supported  # noqa: PLC0415 - see above

    def find() -> supported.Supported:
        commits: dict[str, Commit] = project.memo.get("commits of entries", (), dict)
        digest = project.digest_of(entries)
        return supported.find_supported(project.layout, project.repo, entries, commits, digest)

    found = project.memo.get("supported", (entries, _time_of_runs(project)), find)
    return found.entries, found.unproved


def _time_of_runs(project: Project) -> int:
    """Return what changes when a run is added or removed."""
    try:
        return nofollow.stat(project.layout.runs).st_mtime_ns
    except FileNotFoundError:
        return 0


def _needs_history(
    tasks: Sequence[Task], entries: Mapping[str, Entry], policy: StalenessPolicy
) -> bool:
    """Tell whether a commit can make a completed task stale."""
    if policy.stale == "ignore":
        return False
    for task in tasks:
        entry = entries.get(task.path, UNTOUCHED)
        if entry.status is State.COMPLETED:
            watched = staleness.triggers_for(task, policy.stale_on)
            if ("reverted" in watched and entry.checkpoint_sha) or (
                "owns" in watched and task.owns
            ):
                return True
    return False


def _names_commit(entries: Mapping[str, Entry]) -> bool:
    """Tell whether a completion names the commit that holds its work."""
    return any(entry.checkpoint_sha for entry in entries.values())


def _on_branch(project: Project, tip: str | None, entries: Mapping[str, Entry]) -> OnBranch:
    # As in `_changes`.
    from runr.evidence import on_branch  # noqa: PLC0415 - see above

    with project.doing("reading the history"):
        reached = project.memo.get("on the branch", (), on_branch.Reached)
        digest = project.digest_of(entries)
        return on_branch.find_absent(
            project.layout, project.repo, tip, entries, reached=reached, digest=digest
        )


def _weakened(
    project: Project, entries: Mapping[str, Entry], found: OnBranch
) -> Mapping[str, Entry]:
    if not found.rewritten:
        return entries
    # As in `_changes`.
    from runr.evidence import rewritten  # noqa: PLC0415 - see above

    return rewritten.weaken(project.layout, project.repo, entries, found.rewritten)


def _changes(
    project: Project,
    tip: str | None,
    tasks: Sequence[Task],
    entries: Mapping[str, Entry],
    policy: StalenessPolicy,
    *,
    where: OnBranch,
) -> Changes:
    if tip is None:
        return staleness.NO_CHANGES
    # What reads the history is imported only where there is a history to read.
    from runr.query import git_changes  # noqa: PLC0415 - see above

    with project.doing("reading the history"):
        return git_changes.find_changes(project, tip, tasks, entries, policy.stale_on, where=where)


def _stale_reasons(
    tasks: Sequence[Task],
    entries: Mapping[str, Entry],
    graph: Graph,
    policy: StalenessPolicy,
    changes: Changes,
) -> Mapping[str, tuple[StaleReason, ...]]:
    """Return why completed tasks are stale; nothing where the policy is to ignore it."""
    if policy.stale == "ignore":
        return {}
    dependencies = {path: edge.paths for path, edge in graph.edges.items()}
    return staleness.find_stale_reasons(tasks, entries, dependencies, policy.stale_on, changes)
