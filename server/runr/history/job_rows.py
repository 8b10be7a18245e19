"""The rows of the history that the events of one job run lead to. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from runr.history.run_rows import LandingRow, Record
from runr.jobs import state as job_state
from runr.jobs.events import JobEvent, JobLanded
from runr.jobs.state import TaskProgress, TaskStatus


class JobRunRow(NamedTuple):
    """A job run as a whole."""

    id: str
    journal: str
    record: Record
    job: str
    description: str
    schedule: str | None
    branch: str
    target: str
    base_sha: str
    created_at: str
    ended_at: str | None
    result: str | None
    code: str
    reason: str
    task_count: int
    completed_count: int


class JobTaskRow(NamedTuple):
    """How far a task of a job run is; `reason` says why it did not get further."""

    job_run_id: str
    number: int
    task: str
    status: TaskStatus
    run_id: str | None
    code: str
    reason: str
    started_at: str | None
    ended_at: str | None


class JobRows(NamedTuple):
    """All rows of one job run."""

    job_run: JobRunRow
    tasks: tuple[JobTaskRow, ...]
    landings: tuple[LandingRow, ...]


def of_job_run(
    job_run_id: str, events: Sequence[JobEvent], journal: str, record: Record
) -> JobRows:
    """Return the rows of a job run; CodecError where its events lead to no state."""
    state = job_state.fold(job_run_id, events)
    row = JobRunRow(
        id=job_run_id,
        journal=journal,
        record=record,
        job=state.name,
        description=state.start.job.description,
        schedule=state.start.job.schedule,
        branch=state.start.branch,
        target=state.start.target,
        base_sha=state.start.base_sha,
        created_at=state.created_at,
        ended_at=state.ended_at,
        result=state.result,
        code=state.code,
        reason=state.reason,
        task_count=len(state.tasks),
        completed_count=sum(task.status == "completed" for task in state.tasks),
    )
    landings = (
        LandingRow(
            run_id=None,
            job_run_id=job_run_id,
            seq=event.seq,
            task="",
            time=event.time,
            target=event.data.target,
            how=event.data.how,
            commit_sha=event.data.commit_sha,
            actor=f"job:{job_run_id}",
        )
        for event in events
        if isinstance(event.data, JobLanded)
    )
    tasks = (_task_row(job_run_id, number, task) for number, task in enumerate(state.tasks, 1))
    return JobRows(row, tuple(tasks), tuple(landings))


def _task_row(job_run_id: str, number: int, task: TaskProgress) -> JobTaskRow:
    return JobTaskRow(
        job_run_id=job_run_id,
        number=number,
        task=task.task,
        status=task.status,
        run_id=task.run_id,
        code=task.code,
        reason=task.detail or task.waits_for,
        started_at=task.started_at,
        ended_at=task.ended_at,
    )
