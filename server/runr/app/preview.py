"""What resuming a run would do, without doing it."""

from pathlib import Path

from pydantic import Field

from runr.app import runs
from runr.app.answers import Answer
from runr.app.project import Project
from runr.core import report, resume, stops
from runr.core.run import Action
from runr.core.runstate import Phase, RunState
from runr.core.status import Entry
from runr.errors import GitError
from runr.git import snapshot
from runr.git.repo import Repo
from runr.store import runlog


class Preview(Answer):
    """From where a run would go on: `phase`, with which `attempt`, on which `work`.

    `phase` is None where a person has to act first, or where a session has to.
    `work` are the files that differ from what the run began with.
    """

    run: str
    task: str
    stop_reason: str
    phase: str | None
    attempt: int
    workdir: str
    work: list[str] = Field(default_factory=list)
    told: str
    next: list[str] = Field(default_factory=list)


def preview(project: Project, wanted: str, since: Phase | None = None) -> Preview:
    """Return what `resume_run` would do; raises what it would raise."""
    entries = project.entries()
    state = runlog.require(runlog.find(project.layout, wanted))
    runs.refuse(state, entries.get(state.start.task, Entry()), since)
    action = resume.follows(state, since)
    performs = action.kind == "perform"
    option = f" --from {since}" if since else ""
    return Preview(
        run=state.id,
        task=state.start.task,
        stop_reason=state.stop or "error",
        phase=action.phase if performs else None,
        attempt=action.attempt or state.attempt,
        workdir=state.start.workdir,
        work=_work(project.repo, state),
        told=_told(action),
        next=[f"runr resume {state.id}{option}"] if performs else list(report.next_steps(state)),
    )


def _told(action: Action) -> str:
    if action.kind == "stop":
        return f"it would stop again at once: {stops.find(action.code or 'error').meaning}"
    if action.kind == "wait":
        return "its session has to go on with the work"
    if action.phase is Phase.WORK:
        return f"the worker would get attempt {action.attempt}"
    return f"it would go on with {action.phase}, without another attempt"


def _work(repo: Repo, state: RunState) -> list[str]:
    """Return the files that the run has changed so far, committed or not."""
    start = state.start
    try:
        if Path(start.workdir).is_dir():
            workspace = Repo(Path(start.workdir))
            changes = snapshot.changed(workspace, start.base_tree, snapshot.take(workspace))
        else:
            tip = repo.resolve(f"refs/heads/{start.branch}") or start.base_sha
            changes = snapshot.changed(repo, start.base_sha, tip)
    except GitError:
        return []
    names = (change.path.encode(errors="surrogateescape") for change in changes)
    return [name.decode(errors="replace") for name in names]
