"""Answers cut to what a model needs: what it reads, it pays for. Pure."""

import json
from dataclasses import replace
from typing import TypeVar

from runr.query.detail_models import RunDetails, RunList
from runr.query.encoding import to_sparse
from runr.query.models import TaskList, TaskSummary

#: Characters: about 2,000 tokens, and what clients still show a model in full.
DEFAULT_LIMIT = 6_000
MAX_LIMIT = 45_000

L = TypeVar("L", bound=TaskList)

#: What of a run is in a list of them.
_IN_ROW = (
    "id",
    "task_path",
    "worker",
    "status",
    "kind",
    "attempt",
    "created_at",
    "ended_at",
    "stop_reason",
    "verification",
    "verified_in",
    "approved_by",
    "relayed_by",
    "rejected_by",
    "checkpoint_sha",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "another_clone",
    "commit_place",
)

_TITLE = 120
_NAMES = 5
_PROBLEM = 200
#: As many commits of a task, and characters of its text, are in an answer.
COMMITS = 10
TEXT = 20_000
_OUTPUT = 3_000


def truncate_list(answer: L, room: int) -> L:
    """Return the list with what fits `room`, a line for each task; task-status has the rest."""
    rows: list[TaskSummary] = []
    for row in map(_row, answer.tasks):
        room -= len(json.dumps(to_sparse(row)))
        if rows and room < 0:
            return replace(answer, tasks=rows, next_cursor=rows[-1].path)
        rows.append(row)
    return replace(answer, tasks=rows)


def truncate_runs(answer: RunList) -> RunList:
    """Return the runs, a line for each; task-status has the rest."""
    return replace(answer, runs=list(map(_run_row, answer.runs)), next_steps=[])


def truncate_run(run: RunDetails, *, tails: bool = True) -> RunDetails:
    """Return the run with room for the output of failed checks shared among them (`tails`).

    Without its next steps: those of the answer are the same.
    """
    run = replace(run, next_steps=[])
    speaking = sum(1 for check in run.checks if check.tail)
    if not (speaking and tails):
        return run
    share = _OUTPUT // speaking
    checks = [replace(check, tail=check.tail[-share:]) for check in run.checks]
    return replace(run, checks=checks)


def _row(row: TaskSummary) -> TaskSummary:
    return replace(
        row,
        title=cut(row.title, _TITLE),
        blocked_by=_few(row.blocked_by),
        tags=_few(row.tags),
        problems=[cut(problem, _PROBLEM) for problem in row.problems[:1]],
        updated_at=None,
        # Where a run completed the task, completed_by names it.
        last_run_id=None if row.completed_by else row.last_run_id,
    )


def _run_row(run: RunDetails) -> RunDetails:
    return RunDetails(**{name: getattr(run, name) for name in _IN_ROW})


def _few(names: list[str]) -> list[str]:
    left = len(names) - _NAMES
    return [*names[:_NAMES], f"and {left} more"] if left > 0 else names


def cut(text: str, width: int) -> str:
    """Return a text that is at most so long."""
    return text if len(text) <= width else f"{text[: width - 1]}…"
