"""Which of the tasks comes first: by priority, then by how many wait for it, then by name."""

from collections.abc import Iterable, Mapping, Sequence

from runr.core.standing import Standing

Reach = Mapping[str, int]


def urgent_first(tasks: Iterable[Standing], reach: Reach) -> list[Standing]:
    """Return the tasks in the order in which to do them; `reach` counts what waits for each."""
    return sorted(
        tasks, key=lambda task: (-task.task.priority, -reach.get(task.path, 0), task.path)
    )


def why_first(ready: Sequence[Standing], reach: Reach) -> str:
    """Say why the first of these comes before the second."""
    first, *others = ready
    if not others:
        return "it is the only one that is ready"
    total, second = len(ready), others[0]
    if first.task.priority != second.task.priority:
        return f"its priority {first.task.priority} is the highest of {total} that are ready"
    alike = sum(task.task.priority == first.task.priority for task in ready)
    among = f"of {alike} ready tasks with priority {first.task.priority}"
    if reach[first.path] != reach[second.path]:
        return f"{among} it unblocks the most"
    return f"{among} none unblocks more, and its name comes first"


def why_later(task: Standing, first: Standing, reach: Reach) -> str:
    """Say why a ready task comes after the first one."""
    if task.task.priority != first.task.priority:
        return f"ready, with priority {task.task.priority} instead of {first.task.priority}"
    if reach[task.path] != reach[first.path]:
        return f"ready, and unblocks {reach[task.path]} instead of {reach[first.path]}"
    return "ready and as urgent, with a later name"
