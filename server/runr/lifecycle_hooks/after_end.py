"""The process that calls hooks after the end of a run or a job, which waits for none of them."""

import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from runr import nofollow
from runr.errors import RunrError
from runr.lifecycle_hooks import points
from runr.runs.hook_events import HookFinished
from runr.storage import files
from runr.storage.layout import RunFiles
from runr.workers import process_tree

if TYPE_CHECKING:
    # Every command imports this module, and few call a hook.
    from runr.config.settings import HookPoints, HookSettings


def has_hooks(record: RunFiles, point: points.Point) -> bool:
    """Tell whether the settings of a run have hooks at a point, without loading their models."""
    if not nofollow.exists(record.config):
        return False
    settings = json.loads(nofollow.read(record.config))
    return bool(settings.get("hooks", {}).get(point))


def read_hooks(record: RunFiles) -> "HookPoints":
    """Read the hooks from the copy of the settings that a run, or a job run, has."""
    from runr.config.settings import Config  # noqa: PLC0415 - see the imports

    return Config.model_validate_json(nofollow.read(record.config)).hooks


def not_called(point: str, error: Exception) -> HookFinished:
    """Return the event that says why no hook of a point was called."""
    return HookFinished(point, "settings", "of the settings", "failed", str(error))


def start(
    record: RunFiles,
    point: points.Point,
    environment: Mapping[str, str],
    *,
    what: Literal["exec-hooks", "exec-job-hooks"] = "exec-hooks",
) -> None:
    """Start the process that calls the hooks; RunrError where it does not start.

    It holds the lock of the hooks until those are called that others wait for.
    """
    lock = files.hold(record.hooks_lock)
    try:
        with nofollow.append_text(record.runner_log) as log:
            held = "" if lock is None else str(lock)
            started = process_tree.start_detached(
                [what, record.id, str(record.root), point, held],
                cwd=record.root,
                env=environment,
                log=log,
                lock=lock,
            )
    finally:
        if lock is not None:
            os.close(lock)
    if not started:
        raise RunrError(f"their process did not start; see {record.runner_log}")


def take_over(lock: str) -> None:
    """Have what this process starts known as inside of the run whose lock it was passed."""
    if lock:
        files.sign_lock(int(lock))


async def call_all(
    hooks: "Iterable[HookSettings]",
    call: "Callable[[HookSettings], Awaitable[HookFinished]]",
    lock: str,
) -> None:
    """Call those hooks first that others wait for, let go of the lock, then call the rest."""
    known = tuple(hooks)
    try:
        for hook in filter(points.is_waited_for, known):
            await call(hook)
    finally:
        if lock:
            os.close(int(lock))
    for hook in known:
        if not points.is_waited_for(hook):
            await call(hook)
