"""Roll a run back that has failed, where a hook at `on_failure` says so."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from runr.config.settings import HookSettings
from runr.errors import ConflictError, RunrError
from runr.execution.context import RunContext
from runr.execution.restore import restore
from runr.execution.revert import explain, revert_landed
from runr.git.merge import MergeRefusedError
from runr.lifecycle_hooks import points
from runr.runs import journal
from runr.runs.hook_events import HookFinished
from runr.runs.model import RunState
from runr.storage import files

_ROLLBACKS: Mapping[str, Callable[[RunContext, RunState], str]] = {
    "restore": restore,
    "revert": revert_landed,
}


def roll_back(
    context: RunContext, state: RunState, hook: HookSettings, point: points.Point
) -> HookFinished:
    """Do what the hook says about a stopped run, and return what became of it."""
    begun = time.monotonic()
    outcome, detail = _roll_back(context, state, hook)
    return HookFinished(
        point=point,
        target="rollback",
        name=points.name_of(hook),
        outcome=outcome,
        detail=context.journal.redact(detail),
        seconds=round(time.monotonic() - begun, 3),
    )


def _roll_back(context: RunContext, state: RunState, hook: HookSettings) -> tuple[str, str]:
    kind = hook.rollback or ""
    if not points.may_roll_back(state):
        return "ok", "left as it is: a resume continues its work"
    try:
        with _alone(context, hook.timeout):
            return "ok", _ROLLBACKS[kind](context, _unresumed(context, state))
    except MergeRefusedError as refused:
        return "failed", f"nothing was reverted: {explain(refused)}"
    except RunrError as error:
        return "failed", error.message
    except OSError as error:
        return "failed", str(error)


@contextmanager
def _alone(context: RunContext, patience_s: float) -> Iterator[None]:
    """Hold the lock of the run, of which the own process still has to exit."""
    lock = files.hold(context.files.lock, patience_s=patience_s)
    if lock is None:
        raise ConflictError(f"nothing was rolled back: {context.files.id} is running again")
    try:
        yield
    finally:
        os.close(lock)


def _unresumed(context: RunContext, state: RunState) -> RunState:
    now = journal.require(context.files)
    if now.result is None or now.sequence != state.sequence or now.ended_at != state.ended_at:
        raise ConflictError(f"nothing was rolled back: {state.id} was resumed before")
    return now
