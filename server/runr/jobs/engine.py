"""How a job starts and stops runs: the protocol, and its implementation on this machine.

A second implementation can run tasks elsewhere: all that it gets is data, and everything
that a job learns from it is the state of a run, found by the name of its task.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple, Protocol

from runr.errors import AlreadyRunningError, DamagedStateError, RunrError
from runr.execution import process, reconcile
from runr.git import snapshot
from runr.jobs import journal
from runr.lifecycle import runs, start
from runr.lifecycle.start import RunRequest
from runr.project import Project, ProjectCache
from runr.runs.model import JobTerms, RunState
from runr.status.model import UNTOUCHED, State
from runr.storage.layout import RunFiles

#: Seconds between two looks at whether a process has ended.
_PAUSE_S = 0.05


class Order(NamedTuple):
    """A task to be run for a job; `afresh` asks for a new run, though one could be resumed."""

    task: str
    worker: str | None
    terms: JobTerms
    afresh: bool = False


class Claim(NamedTuple):
    """Who has a task: `free`, `ours` with the state of the run, `others`, or `completed`."""

    holder: str
    run: RunState | None = None
    by: str = ""


class LostRun(NamedTuple):
    """A run that has ended, of which no record tells how: why that is."""

    id: str
    reason: str


class Engine(Protocol):
    """Runs tasks for a job. Every operation may be repeated: what is done stays done."""

    def claim(self, task: str, job_run_id: str) -> Claim:
        """Return who has the task now, as its records say."""

    def start(self, order: Order) -> str:
        """Start a run of the task, or resume the one of this job that stopped; return its id.

        Raises RunrError for a task that cannot be started.
        """

    def stop(self, run_id: str, why: str) -> None:
        """Stop a run; its work is kept. Several may be stopped at the same time."""

    def wait(self, run_ids: Sequence[str], seconds: float) -> Sequence[RunState | LostRun]:
        """Return the runs that have ended, as soon as one has, or none after `seconds`."""

    def touched(self, run_id: str) -> tuple[str, ...]:
        """Return the files that a run has changed so far."""


class LocalEngine:
    """Runs as processes of this machine, each in a worktree of its own."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def claim(self, task: str, job_run_id: str) -> Claim:
        """Return who has the task now, as its records say."""
        entry = self._project.entries().get(task, UNTOUCHED)
        run = journal.run_of(self._project.layout, entry.last_run_id)
        job = run.start.job if run else None
        if run is not None and job is not None and job.job_run_id == job_run_id:
            return Claim("ours", run)
        if entry.status is State.COMPLETED:
            return Claim("completed", run, entry.completed_by or "")
        if entry.status is State.IN_PROGRESS:
            return Claim("others", run, entry.last_run_id or "")
        return Claim("free", run)

    def start(self, order: Order) -> str:
        """Start a run of the task, or resume the one of this job that stopped; return its id."""
        found = self.claim(order.task, order.terms.job_run_id)
        if found.holder == "ours" and found.run is not None and not order.afresh:
            if found.run.result != "stopped":
                return found.run.id
            return runs.resume_run(self._project, found.run.id).run.id
        request = RunRequest(task=order.task, worker=order.worker, job=order.terms)
        return start.run_task(self._project, request).run.id

    def stop(self, run_id: str, why: str) -> None:
        """Stop a run; its work is kept, and `why` is what it says."""
        if journal.run_of(self._project.layout, run_id) is None:
            return  # it is lost, which a wait for it tells
        alone = replace(self._project, cache=ProjectCache())  # caches are not for several threads
        with suppress(AlreadyRunningError):  # it is about to end by itself
            runs.stop_run(alone, run_id, detail=why)

    def wait(self, run_ids: Sequence[str], seconds: float) -> Sequence[RunState | LostRun]:
        """Return the runs that have ended, as soon as one has, or none after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            found = [run_id for run_id in run_ids if not process.is_alive(self._files(run_id))]
            if found or time.monotonic() >= deadline:
                return [state for run_id in found if (state := self._ended(run_id))]
            time.sleep(_PAUSE_S)

    def touched(self, run_id: str) -> tuple[str, ...]:
        """Return the files that a run has changed so far."""
        state = journal.run_of(self._project.layout, run_id)
        if state is None:
            return ()
        with suppress(RunrError, OSError):
            context = self._project.context(self._files(run_id))
            workspace = context.workspace(state)
            changes = snapshot.changed(workspace, state.start.base_tree, snapshot.take(workspace))
            return tuple(change.path for change in changes)
        return ()

    def _ended(self, run_id: str) -> RunState | LostRun | None:
        self._project.entries()  # ends those whose process died
        try:
            state = reconcile.end_if_dead(self._project.context(self._files(run_id)))
        except DamagedStateError as damage:
            return LostRun(run_id, damage.message)
        if state is None:
            return LostRun(run_id, reconcile.RECORD_GONE)
        return state if state.result else None

    def _files(self, run_id: str) -> RunFiles:
        return self._project.layout.run(run_id)


def at(project: Project, branch: str) -> LocalEngine:
    """Return the engine whose runs start from a branch and land on it."""
    return LocalEngine(replace(project, branch=branch))
