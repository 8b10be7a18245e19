"""The hooks of a session: its start, each time it is about to stop, and its end."""

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from runr.claude import commit_trailers, protocol, summary, summary_cache
from runr.claude.context import HookContext, HookResponse
from runr.claude.summary import OpenTask, Overview
from runr.errors import RunrError
from runr.next_steps import commands
from runr.next_steps.step import quoted
from runr.runs import session_index
from runr.runs.model import RunState
from runr.storage import files
from runr.text import join_limited

if TYPE_CHECKING:
    from runr.runs.events import RunStopped

#: How many files out of scope, or failed checks, are named.
_SHOWN = 5


def on_session_start(context: HookContext) -> HookResponse:
    """Return the lines for the model, the first of them for the user too.

    A summary that is out of date is refreshed after the response.
    """
    # Commits without trailers are no reason to say nothing, nor are damaged settings.
    with suppress(OSError, ValueError, RunrError):
        commit_trailers.add_trailers(context)
    refresh = partial(_refresh, context)
    cached = summary_cache.load(context.layout) or refresh()
    open_tasks = _open_tasks(context, cached.overview)
    lines = summary.lines(cached.overview, open_tasks, cached.pending_changes)
    return HookResponse(
        protocol.session_context(lines) if lines else None,
        refresh if cached.pending_changes else None,
    )


def _refresh(context: HookContext) -> summary_cache.CachedSummary:
    return summary_cache.refresh(context.layout, context.project())


def _open_tasks(context: HookContext, overview: Overview) -> list[OpenTask]:
    sessions = {run.id: run for run in session_index.open_runs(context.layout)}
    found = []
    for name, run_id in overview.in_progress:
        run = sessions.get(run_id)
        holder = f"session {(run.holder or '')[:8]}" if run else "a run of its own"
        mine = run is not None and session_index.is_of(run, context.call.session_id)
        found.append(OpenTask(name, run_id, holder, mine, run.spec.owns if run else ()))
    return found


def on_stop(context: HookContext) -> HookResponse:
    """Remind the session once of what is missing; the second time, stop the run as abandoned."""
    run = context.run()
    if run is None or context.call.busy:
        return HookResponse()
    if context.call.again or run.reminded:
        from runr.runs.events import RunStopped  # noqa: PLC0415 - only with an open run

        if not stop_run(context, run, RunStopped("abandoned", missing_steps(run))):
            return HookResponse()
        message = protocol.announce(
            f"runr: {run.task_name} is left unverified. To resume it: {commands.resume(run.id)}"
        )
        return HookResponse(message, partial(publish_stop, context, run))
    from runr.runs.session_events import SessionReminded  # noqa: PLC0415 - only with an open run

    context.record(run, SessionReminded(missing_steps(run)))
    return HookResponse(_reminder(run))


def _reminder(run: RunState) -> str:
    return protocol.block_stop(
        f"runr: run {run.id} of {run.task_name} is open: {missing_steps(run)}. Call complete-task "
        f"{quoted(run.task_name)}: it runs the checks, commits and records. If you cannot finish "
        "the task, or need an answer first, tell the user what is missing and stop: "
        "the run is then recorded as stopped, unverified."
    )


def missing_steps(run: RunState) -> str:
    """Return what keeps the run from being completed."""
    if run.violations:
        return f"outside its scope: {join_limited(run.violations, _SHOWN)}"
    failed = [f"`{check.command}`" for check in run.verification.checks if check.failed]
    if failed:
        return f"failed: {', '.join(failed[:_SHOWN])}"
    return "complete-task has not been called"


def stop_run(context: HookContext, run: RunState, stopped: "RunStopped") -> bool:
    """Record that the run has stopped, with its work kept.

    Returns False where it has ended, or is being completed by another process.
    `publish_stop` writes its status and report.
    """
    lock = files.hold(context.layout.run(run.id).lock)
    if lock is None:
        return False
    try:
        return context.record(run, stopped, condition=lambda now: now.result is None) is not None
    finally:
        os.close(lock)


def publish_stop(context: HookContext, run: RunState) -> None:
    """Write the status and the report of a run that was stopped: that loads the models."""
    from runr.execution import completion  # noqa: PLC0415 - see above

    project = context.project(run.start.workdir)
    completion.finish(project.context(context.layout.run(run.id)))


def on_session_end(context: HookContext) -> HookResponse:
    """Stop the session's open run; after the response, record the usage of those that ended."""
    session = context.call.session_id
    uncounted = [
        run
        for run in session_index.latest(context.layout, session)
        if run.ended_at is None or run.usage_until != run.ended_at
    ]
    run = context.run()
    abandoned = run if run and stop_run(context, run, _why_ended(context, run)) else None
    if not uncounted and _is_up_to_date(context):
        return HookResponse()
    return HookResponse(deferred=partial(_clean_up, context, abandoned, uncounted))


def _why_ended(context: HookContext, run: RunState) -> "RunStopped":
    """Return the stop of the run of a session that has ended."""
    from runr.clock import format_utc  # noqa: PLC0415 - only with an open run
    from runr.runs.events import RunStopped  # noqa: PLC0415 - see above
    from runr.workers import claude_session  # noqa: PLC0415 - see above

    path = claude_session.transcript_path(context.call.session_id, context.environment)
    limit = claude_session.usage_limit(path, context.clock()) if path else None
    if limit is None:
        return RunStopped("abandoned", f"the session ended: {missing_steps(run)}")
    resets_at = format_utc(limit.resets_at) if limit.resets_at else None
    return RunStopped("usage_limit", f"the session ended: {limit.words}", resets_at=resets_at)


def _clean_up(
    context: HookContext, abandoned: RunState | None, uncounted: Iterable[RunState]
) -> None:
    if abandoned is not None:
        publish_stop(context, abandoned)
    for run in uncounted:
        _record_usage(context, run)
    if not _is_up_to_date(context):
        _refresh(context)


def _is_up_to_date(context: HookContext) -> bool:
    cached = summary_cache.load(context.layout)
    return cached is not None and not cached.pending_changes


def _record_usage(context: HookContext, run: RunState) -> None:
    # Only a session that had a run pays for this.
    from runr.execution.session_handoff import record_session_usage  # noqa: PLC0415 - see above
    from runr.runs import journal  # noqa: PLC0415 - see above

    files = context.layout.run(run.id)
    project = context.project(run.start.workdir)
    record_session_usage(project.context(files), journal.require(files))
