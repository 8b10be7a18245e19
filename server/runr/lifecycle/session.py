"""Reattach a session to its run: compacted, resumed, or taking over from another one."""

from runr.lifecycle import leases, runs
from runr.lifecycle.leases import lease_conflict, take_over
from runr.project import Project
from runr.query.detail_models import RunResult
from runr.query.presenters import Holder
from runr.runs import journal, stop_reasons
from runr.runs.model import RunState
from runr.status.model import Entry, State


def reattach(
    project: Project, entry: Entry, *, session_id: str | None, working: bool, force: bool
) -> RunResult | None:
    """Return the brief of the session's run on the task again; None where it is to open one.

    `working` tells whether the caller wants to do the work itself. An open run
    of another session goes to the caller where that session is gone, or by
    `force`; else AlreadyRunningError says who holds it.
    """
    run = project.layout.run(entry.last_run_id or "")
    state = journal.state(run) if entry.last_run_id else None
    if state is None or not state.by_session:
        return None
    if state.result:
        stopped = entry.status is State.STOPPED and working and not force
        return runs.resume_run(project, run.id) if stopped and _is_here(project, state) else None
    if state.holder != session_id:
        if not working or session_id is None:
            raise lease_conflict(project, state)
        state = _taken_over(project, state, session_id, force=force)
    return leases.brief_session(project, run, state)


def _is_here(project: Project, state: RunState) -> bool:
    """Tell whether the work of a stopped run is still in place; a new run would not include it."""
    start, repo = state.start, project.repo
    if not stop_reasons.find(state.stop_reason or "error").resumable:
        return False
    if (str(repo.path), repo.branch()) != (start.workdir, start.target):
        return False
    if state.stop_reason in stop_reasons.FOR_A_PERSON:
        return True
    since = ("--max-count=1", f"--since={state.ended_at}", f"{start.base_sha}..HEAD")
    return repo.is_ancestor(start.base_sha, "HEAD") and not repo.text("rev-list", *since)


def _taken_over(project: Project, state: RunState, session_id: str, *, force: bool) -> RunState:
    holder = Holder.of(project, state)
    if not holder.is_gone and not force:
        raise lease_conflict(project, state)
    why = holder.why if holder.is_gone else "forced"
    return take_over(project, state, session_id, why)
