"""A task as one row of the cache: a JSON list, in the order of `_encoded`."""

import json
from typing import Any

from runr.tasks.model import NO_OPTIONS, Problem, Task, TaskType, WorkerOptions

_TYPES = {kind.value: kind for kind in TaskType}
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_DECODER = json.JSONDecoder()


def encode(task: Task) -> str:
    """Return everything about the task but its path."""
    options = None if task.worker_options == NO_OPTIONS else task.worker_options
    return _ENCODER.encode(
        [
            *(task.title, task.type.value, task.depends_on, task.owns, task.verify, task.tier),
            *(task.worker, options, task.tags, task.stale_on, task.priority, task.timeout_s),
            *(task.source, task.sha256, task.problems),
        ]
    )


def decode(path: str, text: str) -> Task:
    """Return the task at `path`; ValueError, TypeError or KeyError for a row of another form."""
    row: list[Any] = _DECODER.raw_decode(text)[0]
    title, kind, depends_on, owns, verify, tier, worker, options, tags, stale_on, *rest = row
    priority, timeout_s, source, sha256, problems = rest
    return Task(
        path=path,
        title=title,
        type=_TYPES[kind],
        depends_on=tuple(depends_on),
        owns=tuple(owns),
        verify=tuple(verify),
        tier=tier,
        worker=worker,
        worker_options=NO_OPTIONS if options is None else _options(options),
        tags=tuple(tags),
        stale_on=tuple(stale_on),
        priority=priority,
        timeout_s=timeout_s,
        source=source,
        sha256=sha256,
        problems=tuple([_problem(*each) for each in problems]) if problems else (),
    )


def _options(row: list[Any]) -> WorkerOptions:
    model, permission_mode, allowed_tools, budget_usd, max_turns, extra_args = row
    return WorkerOptions(
        model=model,
        permission_mode=permission_mode,
        allowed_tools=None if allowed_tools is None else tuple(allowed_tools),
        budget_usd=budget_usd,
        max_turns=max_turns,
        extra_args=None if extra_args is None else tuple(extra_args),
    )


def _problem(code: str, message: str, line: int | None, severity: Any) -> Problem:
    return Problem(code=code, message=message, line=line, severity=severity)
