"""The lifecycle hooks of a run: asked in its own process, or called by another one after its end.

They are those of the settings that the run keeps, so nothing that a worker changes adds one.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

from runr.clock import format_utc, utc_now
from runr.errors import RunrError
from runr.execution import inputs
from runr.execution.context import RunContext
from runr.lifecycle_hooks import after_end, points
from runr.lifecycle_hooks.points import Point
from runr.redaction import Redactor
from runr.runs import journal
from runr.runs.hook_events import HookFinished
from runr.runs.model import RunState
from runr.storage.layout import Layout

if TYPE_CHECKING:
    # Every command imports this module, and few call a hook.
    from runr.config.settings import HookPoints, HookSettings


def announce_end(context: RunContext, state: RunState) -> None:
    """Have the hooks called that belong to the end of a run, by a process of their own.

    Nothing that goes wrong with it changes what the run came to.
    """
    point = points.at_end(state)
    if point is None:
        return
    try:
        if after_end.has_hooks(context.files, point):
            after_end.start(context.files, point, context.environment)
    except (OSError, RunrError, ValueError) as error:
        with suppress(OSError, RunrError):
            context.journal.append(after_end.not_called(point, error))


async def ask(context: RunContext, state: RunState, point: Point) -> str | None:
    """Call the hooks that may refuse what comes next; return the first refusal.

    ChangedInputsError where the settings of the run are not those that were made for it.
    """
    inputs.ensure_unchanged(context.files, state.spec)
    if not after_end.has_hooks(context.files, point):
        return None
    caller = _Caller(context, state, point)
    for hook in caller.hooks().at(point):
        finished = await caller.call(hook)
        if finished.failed:
            more = finished.detail if "\n" in finished.detail else ""
            return f"{finished.message}\n{more}".strip()
    return None


def main(arguments: Sequence[str]) -> int:
    """Call the hooks of a point of a run that has ended, holding the lock that was passed."""
    run_id, root, point, lock = arguments
    after_end.take_over(lock)
    layout = Layout(Path(root))
    context = RunContext.of(layout, layout.run(run_id), os.environ, utc_now)
    at = cast("Point", point)
    caller = _Caller(context, journal.require(context.files), at)
    try:
        hooks = caller.hooks().at(point)
    except (OSError, RunrError, ValueError) as error:
        context.journal.append(after_end.not_called(point, error))
    else:
        after_end.call_all(hooks, caller.call, context.journal.append, point=at, lock=lock)
    return 0


class _Caller:
    """Calls hooks at one point of a run, and records what became of each."""

    def __init__(self, context: RunContext, state: RunState, point: Point) -> None:
        from runr.lifecycle_hooks import payload  # noqa: PLC0415 - see the imports
        from runr.lifecycle_hooks.delivery import Surroundings  # noqa: PLC0415 - see the imports

        redact = Redactor(context.environment)
        self._context, self._state, self._point = context, state, point
        made = payload.of_run(
            state,
            point,
            id_=f"{state.id}.{point}.{state.seq}",
            time=format_utc(context.clock()),
            repository=context.layout.root.name,
        )
        self._payload = payload.encode(made, redact)
        self._around = Surroundings(
            folder=context.layout.root,
            environment=context.environment,
            child_environment=context.child_environment(state) | {"PWD": str(context.layout.root)},
            # A run that is resumed meanwhile ends what carries its own mark.
            marker=state.id if points.may_refuse(point) else f"{state.id}.{point}",
            redact=redact,
            log=context.files.runner_log,
        )

    def hooks(self) -> "HookPoints":
        """Return the hooks of the run's settings; ChangedInputsError where those were changed."""
        inputs.ensure_unchanged(self._context.files, self._state.spec)
        return after_end.read_hooks(self._context.files)

    async def call(self, hook: "HookSettings") -> HookFinished:
        """Call one hook, and record what became of it."""
        from runr.lifecycle_hooks import delivery  # noqa: PLC0415 - see the imports

        if hook.rollback:
            # An import of every command would be the price of one at the top.
            from runr.execution import rollback  # noqa: PLC0415 - see above

            finished = rollback.roll_back(self._context, self._state, hook, self._point)
        else:
            finished = await delivery.call(hook, self._point, self._payload, self._around)
        self._context.journal.append(finished)
        return finished
