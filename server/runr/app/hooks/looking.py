"""How the tasks stand, looked up with everything that runr knows."""

from runr.app.answers import TaskRow
from runr.app.project import Project
from runr.app.tasks import listing
from runr.app.tasks.listing import TaskQuery
from runr.core.greeting import Overview


def look(project: Project) -> Overview:
    """Return the tasks as they stand, the most urgent first."""
    rows = listing.list_tasks(project, TaskQuery(sort="priority")).tasks
    return Overview(
        total=len(rows),
        completed=sum(row.status == "completed" for row in rows),
        in_progress=tuple(
            (_name(row), row.last_run_id)
            for row in rows
            if row.status == "in_progress" and row.last_run_id
        ),
        stopped=tuple(
            (_name(row), row.last_run_id, row.stop_reason or row.status)
            for row in rows
            if row.status in ("stopped", "failed") and row.last_run_id
        ),
        stale=tuple(_name(row) for row in rows if row.stale),
        ready=tuple(_name(row) for row in rows if row.ready and row.status == "pending"),
    )


def _name(row: TaskRow) -> str:
    return row.path.removeprefix(".runr/tasks/")
