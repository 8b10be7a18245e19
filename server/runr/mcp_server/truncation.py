"""Answers cut to what a model needs: what it reads, it pays for. Pure."""

import json
from dataclasses import replace

from runr.query.detail_models import RunDetails, TaskDetails
from runr.query.encoding import to_sparse
from runr.query.models import TaskList, TaskSummary

#: Characters: about 2,000 tokens, and what clients still show a model in full.
DEFAULT_LIMIT = 6_000
MAX_LIMIT = 45_000

_TITLE = 120
_NAMES = 5
_PROBLEM = 200
_COMMITS = 10
_OUTPUT = 3_000


def truncate_list(answer: TaskList, room: int) -> TaskList:
    """Return the list with what fits `room`, a line for each task; task-status has the rest."""
    rows: list[TaskSummary] = []
    for row in map(_row, answer.tasks):
        room -= len(json.dumps(to_sparse(row)))
        if rows and room < 0:
            return replace(answer, tasks=rows, next_cursor=rows[-1].path)
        rows.append(row)
    return replace(answer, tasks=rows)


def truncate_details(answer: TaskDetails, *, tails: bool) -> TaskDetails:
    """Return the task with its latest commits; `tails` cuts what checks said, too."""
    run = truncate_run(answer.run) if tails and answer.run else answer.run
    return replace(answer, commits=answer.commits[:_COMMITS], run=run)


def truncate_run(run: RunDetails) -> RunDetails:
    """Return the run with room for the output of failed checks shared among them."""
    speaking = sum(1 for check in run.checks if check.tail)
    if not speaking:
        return run
    share = _OUTPUT // speaking
    checks = [replace(check, tail=check.tail[-share:]) for check in run.checks]
    return replace(run, checks=checks)


def _row(row: TaskSummary) -> TaskSummary:
    return replace(
        row,
        title=_cut(row.title, _TITLE),
        blocked_by=_few(row.blocked_by),
        tags=_few(row.tags),
        problems=[_cut(problem, _PROBLEM) for problem in row.problems[:1]],
        updated_at=None,
        # Where a run completed the task, completed_by names it.
        last_run_id=None if row.completed_by else row.last_run_id,
    )


def _few(names: list[str]) -> list[str]:
    left = len(names) - _NAMES
    return [*names[:_NAMES], f"and {left} more"] if left > 0 else names


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
