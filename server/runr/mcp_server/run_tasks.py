"""Runs and job runs as tasks of the protocol: their journals are the state, their ids the ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runr.errors import UnknownNameError
from runr.jobs import control
from runr.jobs import journal as job_journal
from runr.lifecycle import follow
from runr.lifecycle import runs as lifecycle_runs
from runr.mcp_server.long_tasks import LongTask, Status
from runr.mcp_server.project_calls import ProjectCalls
from runr.mcp_server.registry import answered
from runr.mcp_server.run_calls import job_answer, run_answer
from runr.project import Project
from runr.query.detail_models import RunDetails
from runr.runs import journal

#: The reason with which a run ends that a client or a user has stopped.
_STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class RunTasks:
    """The tasks that run-task begins; a restarted server knows them as well."""

    project_calls: ProjectCalls

    async def get(self, task_id: str) -> LongTask | None:
        """Return the state of a run or a job run."""
        return await self.project_calls.use(lambda project: _state(project, task_id), polls=True)

    async def cancel(self, task_id: str) -> LongTask | None:
        """Stop a run or a job run; its work is kept."""
        return await self.project_calls.use(lambda project: _stopped(project, task_id))

    async def update(self, task_id: str, _replies: Mapping[str, Any]) -> LongTask | None:
        """Ignore what was not asked: a run that needs a person stops."""
        return await self.get(task_id)


def _is_run(project: Project, task_id: str) -> bool:
    """Tell whether it is the whole id of a run; a part of one is no id of a task."""
    try:
        return journal.find(project.layout, task_id).id == task_id
    except UnknownNameError:
        return False


def _is_job(project: Project, task_id: str) -> bool:
    return task_id in job_journal.ids(project.layout)


def _state(project: Project, task_id: str) -> LongTask | None:
    if _is_run(project, task_id):
        return _of_run(project, follow.wait_for_run(project, task_id, 0))
    return _of_job(project, task_id) if _is_job(project, task_id) else None


def _stopped(project: Project, task_id: str) -> LongTask | None:
    if _is_run(project, task_id):
        lifecycle_runs.stop_run(project, task_id)
    elif _is_job(project, task_id):
        control.stop_job(project, task_id)
    return _state(project, task_id)


def _of_run(project: Project, run: RunDetails) -> LongTask:
    state = journal.require(project.layout.run(run.id))
    working = run.status == "running"
    ended = f"{run.status}: {run.stop_reason}" if run.stop_reason else run.status
    doing = f"{run.phase or 'starting'}, attempt {max(run.attempt, 1)}"
    result = {} if working else answered(run_answer(project, run))
    return LongTask(
        id=run.id,
        status=_status(running=working, stopped=run.stop_reason == _STOPPED),
        created_at=run.created_at,
        updated_at=state.updated_at,
        message=f"{run.task_path}: {doing if working else ended}",
        result=result,
    )


def _of_job(project: Project, job_id: str) -> LongTask:
    job = control.wait_for_job(project, job_id, 0)
    state = job_journal.require(project.layout.job_run(job.id))
    working = job.status == "running"
    counts = ", ".join(f"{count} {name}" for name, count in job.counts.items())
    return LongTask(
        id=job.id,
        status=_status(running=working, stopped=job.status == _STOPPED),
        created_at=job.created_at,
        updated_at=state.updated_at,
        message=f"{job.job}: {counts}",
        result={} if working else answered(job_answer(job)),
    )


def _status(*, running: bool, stopped: bool) -> Status:
    if running:
        return "working"
    return "cancelled" if stopped else "completed"
