"""A session comes back to its work: compacted, resumed, or in the place of one that has ended."""

from runr.app import runs
from runr.app.answers import RunAnswer
from runr.app.holding import briefing
from runr.app.holding.claim import held, take_over
from runr.app.holding.holder import Holder
from runr.app.project import Project
from runr.core import stops
from runr.core.runstate import RunState
from runr.core.status import Entry, State
from runr.store import runlog


def rejoin(
    project: Project, entry: Entry, *, session_id: str | None, working: bool, force: bool
) -> RunAnswer | None:
    """Return the brief of the session's run on the task again; None where it is to open one.

    `working` tells whether the caller wants to do the work itself. An open run
    of another session goes to the caller where that session is gone, or by
    `force`; else AlreadyRunningError says who holds it.
    """
    run = project.layout.run(entry.last_run_id or "")
    state = runlog.state(run) if entry.last_run_id else None
    if state is None or not state.by_session:
        return None
    if state.ended:
        stopped = entry.status is State.STOPPED and working and not force
        return runs.resume_run(project, run.id) if stopped and _is_here(project, state) else None
    if state.holder != session_id:
        if not working or session_id is None:
            raise held(project, state)
        state = _taken_over(project, state, session_id, force=force)
    return briefing.answer(project, run, state)


def _is_here(project: Project, state: RunState) -> bool:
    """Tell whether the work of a stopped run lies as it was left: a new run would not count it."""
    start, repo = state.start, project.repo
    if not stops.find(state.stop or "error").resumable:
        return False
    if (str(repo.path), repo.branch()) != (start.workdir, start.target):
        return False
    if state.stop in stops.FOR_A_PERSON:
        return True
    since = ("--max-count=1", f"--since={state.ended_at}", f"{start.base_sha}..HEAD")
    return repo.is_ancestor(start.base_sha, "HEAD") and not repo.text("rev-list", *since)


def _taken_over(project: Project, state: RunState, session_id: str, *, force: bool) -> RunState:
    holder = Holder.of(project, state)
    if not holder.is_gone and not force:
        raise held(project, state)
    why = holder.why if holder.is_gone else "it was forced"
    return take_over(project, state, session_id, why)
