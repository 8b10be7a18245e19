"""A task as one row of the cache: a JSON list, in the order of `_encoded`."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from runr.tasks.model import NO_OPTIONS, Problem, Task, TaskType, WorkerOptions

_TYPES = {kind.value: kind for kind in TaskType}
_ENCODER = json.JSONEncoder(check_circular=False, separators=(",", ":"))
#: What reading a row of another form raises.
_OTHER_FORM = (ValueError, TypeError, KeyError)


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


def decode_all(texts: Mapping[str, str]) -> dict[str, Task]:
    """Return the tasks at these paths, without those whose row has another form."""
    try:
        # Read in one piece, which takes half as long.
        rows = json.loads(f"[{','.join(texts.values())}]")
        return {path: _task(path, row) for path, row in zip(texts, rows, strict=True)}
    except _OTHER_FORM:
        pass
    found = {}
    for path, text in texts.items():
        with suppress(*_OTHER_FORM):
            found[path] = _task(path, json.loads(text))
    return found


def _task(path: str, row: list[Any]) -> Task:
    # By place, as Task has its fields: ten thousand rows are read so.
    title, kind, depends_on, owns, verify, tier, worker, options, *rest = row
    tags, stale_on, priority, timeout_s, source, sha256, problems = rest
    return Task(
        path,
        title,
        _TYPES[kind],
        tuple(depends_on),
        tuple(owns),
        tuple(verify),
        tier,
        worker,
        NO_OPTIONS if options is None else _options(options),
        tuple(tags),
        tuple(stale_on),
        priority,
        timeout_s,
        source,
        sha256,
        tuple([Problem(*each) for each in problems]) if problems else (),
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
