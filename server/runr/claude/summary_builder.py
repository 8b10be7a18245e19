"""The overview of all tasks, computed with the models."""

from runr.claude.summary import Overview, weaker
from runr.project import Project
from runr.query import listing
from runr.query.listing import TaskQuery
from runr.query.models import TaskSummary
from runr.tasks.model import short_name


def summarize(project: Project) -> Overview:
    """Return the overview, the tasks with the highest priority first."""
    rows = listing.list_tasks(project, TaskQuery(sort="priority")).tasks
    done = [row.evidence for row in rows if row.status == "completed" and not row.unmerged]
    return Overview(
        total=len(rows),
        completed=len(done),
        weaker=weaker(done),
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
        unmerged=tuple(_name(row) for row in rows if row.unmerged),
        ready=tuple(_name(row) for row in rows if row.ready and row.status == "pending"),
        waiting=tuple(_name(row) for row in rows if row.needs_human and row.status == "pending"),
    )


def _name(row: TaskSummary) -> str:
    return short_name(row.path)
