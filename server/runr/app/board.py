"""All tasks with their statuses at one moment: who waits for whom, and what is not brought in."""

from collections.abc import Mapping
from dataclasses import dataclass

from runr.app.project import Project
from runr.core.graph import Graph
from runr.core.status import UNTOUCHED, Entry, State
from runr.core.task import Task
from runr.git import infer


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What every question about tasks is answered from."""

    tasks: tuple[Task, ...]
    entries: Mapping[str, Entry]
    graph: Graph
    unmerged: frozenset[str]

    @classmethod
    def of(cls, project: Project) -> "Board":
        """Look at the tasks, the statuses and, where a checkpoint may be missing, at git."""
        tasks, entries = project.tasks(), project.entries()
        waiting = frozenset(
            path for path, entry in entries.items() if _is_unmerged(project, path, entry)
        )
        return cls(tasks=tasks, entries=entries, graph=Graph.of(tasks), unmerged=waiting)

    def entry(self, task: Task) -> Entry:
        """Return what is recorded of the task."""
        return self.entries.get(task.path, UNTOUCHED)

    def blockers(self, task: Task) -> tuple[str, ...]:
        """Return what keeps the task from being started."""
        return self.graph.blockers(task.path, self.entries, self.unmerged)


def _is_unmerged(project: Project, path: str, entry: Entry) -> bool:
    """Tell whether a completed task's checkpoint still waits on its own branch."""
    if entry.status is not State.COMPLETED or entry.branch is None or entry.checkpoint_sha is None:
        return False
    repo = project.repo
    if repo.head() is None:
        return True
    if repo.is_ancestor(entry.checkpoint_sha, "HEAD"):
        return False
    # It may have come in as another commit: rebased, picked, or squashed with its trailers.
    return all(entry.last_run_id not in ref.run_ids for ref in infer.of_task(repo, path))
