"""All tasks with their statuses at one moment: who waits for whom, and what is not brought in."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from runr.app.project import Project
from runr.app.tasks import doubts
from runr.core.backlog import Backlog
from runr.core.graph import Graph
from runr.core.staleness import Cause, Doubt
from runr.core.standing import Standing
from runr.core.status import UNTOUCHED, Entry, State
from runr.core.task import Task
from runr.core.urgency import urgent_first
from runr.git import checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What every question about tasks is answered from."""

    tasks: tuple[Task, ...]
    entries: Mapping[str, Entry]
    graph: Graph
    unmerged: frozenset[str]
    doubts: Mapping[str, tuple[Doubt, ...]]
    rerun: bool

    @classmethod
    def of(cls, project: Project) -> "Board":
        """Look at the tasks, the statuses and, where a checkpoint may be missing, at git."""
        tasks, entries = project.tasks(), project.entries()
        elsewhere = any(entry.branch for entry in entries.values())
        branch = project.repo.branch() if elsewhere else None
        waiting = frozenset(
            path for path, entry in entries.items() if _is_unmerged(project, path, entry, branch)
        )
        graph, wanted = Graph.of(tasks), doubts.settings(project)
        before = {path: edge.paths for path, edge in graph.edges.items()}
        return cls(
            tasks=tasks,
            entries=entries,
            graph=graph,
            unmerged=waiting,
            doubts=doubts.find(project, tasks, entries, before, wanted),
            rerun=wanted.stale == "rerun",
        )

    def entry(self, task: Task) -> Entry:
        """Return what is recorded of the task."""
        return self.entries.get(task.path, UNTOUCHED)

    def standing(self, task: Task) -> Standing:
        """Return where the task stands."""
        entry = self.entry(task)
        done = entry.status is State.COMPLETED
        return Standing(
            task=task,
            entry=entry,
            blocked_by=() if done else self.blockers(task),
            stale=task.path in self.doubts,
            doubts=self.doubts.get(task.path, ()),
            rerun=self.rerun,
            unmerged=task.path in self.unmerged,
        )

    def standings(self) -> dict[str, Standing]:
        """Return where every task stands, and every recorded one whose file is gone."""
        found = {task.path: self.standing(task) for task in self.tasks}
        for path in self.entries.keys() - found.keys():
            task = Task(path=path, title=path.rsplit("/", 1)[-1])
            found[path] = Standing(task=task, entry=self.entries[path], orphaned=True)
        return found

    def backlog(
        self, standings: Mapping[str, Standing], among: Collection[str] | None = None
    ) -> Backlog:
        """Return the open part of the graph, or what of it is `among` these paths."""
        return Backlog.of(self.graph, standings, among)

    def urgent_first(
        self, some: Iterable[Standing], standings: Mapping[str, Standing]
    ) -> list[Standing]:
        """Return the tasks by priority, then by how many wait for them, then by name."""
        tasks = list(some)
        # Where the priorities decide, nobody has to count what waits for what.
        tie = len({task.task.priority for task in tasks}) < len(tasks)
        return urgent_first(tasks, self.backlog(standings).reach() if tie else {})

    def blockers(self, task: Task) -> tuple[str, ...]:
        """Return what keeps the task from being started."""
        reverted = (
            path
            for path, found in self.doubts.items()
            if any(doubt.cause is Cause.REVERTED for doubt in found)
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
