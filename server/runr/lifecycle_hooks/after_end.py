"""The process that calls hooks after the end of a run or a job, which waits for none of them."""

import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
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


def call_all(
    hooks: "Iterable[HookSettings]",
    call: "Callable[[HookSettings], Awaitable[HookFinished]]",
    record: Callable[[HookFinished], object],
    *,
    point: points.Point,
    lock: str,
) -> None:
    """Call those hooks first that others wait for, let go of the lock, then call the rest.

    Each is called, and recorded, by a process of its own: one that ends its caller, as with
    `kill $PPID`, keeps no other from being called.
    """
    # Loading the event loop takes longer than what other users of this module do.
    import anyio  # noqa: PLC0415 - see above

    def call_each(chosen: "Iterable[HookSettings]") -> None:
        for hook in chosen:
            why = _run_apart(partial(anyio.run, call, hook))
            if why is not None:
                (target,) = hook.targets
                record(HookFinished(point, target, points.name_of(hook), "failed", why))

    known = tuple(hooks)
    try:
        call_each(filter(points.is_waited_for, known))
    finally:
        if lock:
            os.close(int(lock))
    call_each(hook for hook in known if not points.is_waited_for(hook))


def _run_apart(work: Callable[[], object]) -> str | None:
    """Do the work in a process of its own; return why it did not get to its end."""
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - it must not go on as its parent does
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        return f"the process that called it was ended by signal {-code}"
    return f"the process that called it ended with exit code {code}" if code else None
