"""A session is about to stop: an open run holds it once, and is then let go."""

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from runr.claude import commit_trailers, protocol, summary, summary_cache
from runr.claude.context import HookContext, HookResponse
from runr.claude.summary import OpenTask, Overview
from runr.errors import RunrError
from runr.runs import journal, session_index
from runr.runs.session_index import OpenRun
from runr.storage import files


def on_session_start(context: HookContext) -> HookResponse:
    """Return the lines for the model, the first of them for the user too.

    Where something has changed since the last look, the next one comes behind the answer.
    """
    # Commits that say nothing are no reason to say nothing, nor are damaged settings.
    with suppress(OSError, ValueError, RunrError):
        commit_trailers.add_trailers(context)
    look = partial(_look, context)
    known = summary_cache.load(context.layout) or look()
    at_work = _at_work(context, known.overview)
    message = summary.lines(known.overview, at_work, known.uncounted)
    return HookResponse(
        protocol.session_context(message) if message else None, look if known.uncounted else None
    )


def _look(context: HookContext) -> summary_cache.CachedSummary:
    return summary_cache.refresh(context.layout, context.project())


def _at_work(context: HookContext, overview: Overview) -> list[OpenTask]:
    sessions = {run.id: run for run in session_index.open_runs(context.layout)}
    found = []
    for name, run_id in overview.in_progress:
        run = sessions.get(run_id)
        holder = f"session {run.holder[:8]}" if run else "a run of its own"
        mine = run is not None and run.is_of(context.call.session_id)
        found.append(OpenTask(name, run_id, holder, mine, run.owns if run else ()))
    return found


REMINDED = "session.held"


def on_stop(context: HookContext) -> HookResponse:
    """Say once what is missing; the second time, record that the run was left unverified."""
    run = context.run()
    if run is None or context.call.busy:
        return HookResponse()
    if context.call.again or journal.is_noted(run.files, REMINDED):
        if not let_stop(context, run, missing_steps(run)):
            return HookResponse()
        again = f"To take it up again: runr resume {run.id}"
        message = protocol.announce(f"runr: {run.name} is left unverified. {again}")
        return HookResponse(message, partial(finish_stop, context, run))
    context.note(run, REMINDED, {"missing": missing_steps(run)})
    return HookResponse(_held(run))


def _held(run: OpenRun) -> str:
    # The table of stops, of which this is a part, takes longer to load than all of this.
    from runr.runs.stop_reasons import quoted  # noqa: PLC0415 - see above

    return protocol.block_stop(
        f"runr: run {run.id} of {run.name} is open: {missing_steps(run)}. Call complete-task "
        f"{quoted(run.name)}: it runs the checks, commits and records. If you cannot finish the "
        "task, or need an answer first, tell the user what is missing and stop: "
        "the run is then recorded as stopped, unverified."
    )


def missing_steps(run: OpenRun) -> str:
    """Return what keeps the run from being completed."""
    if run.violations:
        return f"outside its scope: {', '.join(run.violations[:5])}"
    if run.failed:
        return f"failed: {', '.join(f'`{command}`' for command in run.failed[:5])}"
    return "complete-task has not been called"


def let_stop(context: HookContext, run: OpenRun, why: str) -> bool:
    """Record that the run has stopped, with the work kept; False where somebody is completing it.

    With that the run has ended for everyone who looks; `finish` does what follows from it.
    """
    lock = files.hold(run.files.lock)
    if lock is None:
        return False
    try:
        return context.stop(run, "unverified", why)
    finally:
        os.close(lock)


def finish_stop(context: HookContext, run: OpenRun) -> None:
    """Write the status and the story of a run that was left: that takes the models."""
    from runr.execution import completion  # noqa: PLC0415 - see above

    completion.finish(context.project(run.workdir).context(run.files))


def on_session_end(context: HookContext) -> HookResponse:
    """End the session's open run; settle those that have ended when nobody waits for it."""
    session = context.call.session_id
    unsettled = [
        known for known in session_index.latest(context.layout, session) if not known.settled
    ]
    run = context.run()
    left = run is not None and let_stop(context, run, f"the session ended: {missing_steps(run)}")
    if not unsettled and _is_looked_at(context):
        return HookResponse()
    return HookResponse(then=partial(_wind_up, context, run if left else None, unsettled))


def _wind_up(context: HookContext, left: OpenRun | None, unsettled: Iterable[OpenRun]) -> None:
    if left is not None:
        finish_stop(context, left)
    for ended in unsettled:
        _settle(context, ended)
    if not _is_looked_at(context):
        summary_cache.refresh(context.layout, context.project())


def _is_looked_at(context: HookContext) -> bool:
    known = summary_cache.load(context.layout)
    return known is not None and not known.uncounted


def _settle(context: HookContext, run: OpenRun) -> None:
    # Only a session that had a run pays for this.
    from runr.execution.session_handoff import record_session_usage  # noqa: PLC0415 - see above
    from runr.runs import journal  # noqa: PLC0415 - see above

    record_session_usage(
        context.project(run.workdir).context(run.files), journal.require(run.files)
    )
