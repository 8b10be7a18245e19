"""The rows of the history that the events of one job run lead to. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from runr.history.run_rows import LandingRow, Record
from runr.jobs import state as job_state
from runr.jobs.events import JobEvent, JobLanded


class JobRunRow(NamedTuple):
    """A job run as a whole."""

    id: str
    journal: str
    record: Record
    job: str
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


class JobRows(NamedTuple):
    """All rows of one job run."""

    job_run: JobRunRow
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
    return JobRows(row, tuple(landings))
