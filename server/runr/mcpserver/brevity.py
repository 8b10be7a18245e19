"""Answers cut to what a model needs: what it reads, it pays for."""

from runr.app.answers import TaskDetail, TaskList, TaskRow

_TITLE = 120
_NAMES = 5
_PROBLEM = 200
_COMMITS = 10


def shorten_list(answer: TaskList) -> TaskList:
    """Return the list with a line for each task; task-status has the rest."""
    return answer.model_copy(update={"tasks": [_row(row) for row in answer.tasks]})


def shorten_detail(answer: TaskDetail) -> TaskDetail:
    """Return the task with its latest commits."""
    return answer.model_copy(update={"commits": answer.commits[:_COMMITS]})


def _row(row: TaskRow) -> TaskRow:
    return row.model_copy(
        update={
            "title": _cut(row.title, _TITLE),
            "blocked_by": _few(row.blocked_by),
            "tags": _few(row.tags),
            "problems": [_cut(problem, _PROBLEM) for problem in row.problems[:1]],
            "updated_at": None,
            # Where a run completed the task, completed_by names it.
            "last_run_id": None if row.completed_by else row.last_run_id,
        }
    )


def _few(names: list[str]) -> list[str]:
    left = len(names) - _NAMES
    return [*names[:_NAMES], f"and {left} more"] if left > 0 else names


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
