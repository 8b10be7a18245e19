"""List jobs: what each file asks for, and how far its tasks are."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from runr.clock import format_utc
from runr.jobs import expansion, files, problems, scheduler
from runr.jobs.files import JobFile
from runr.next_steps import commands
from runr.project import Project
from runr.query.models import Result
from runr.query.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTask:
    """A task of a job, with its step, what it depends on within the job, and its state."""

    path: str
    step: str
    status: str
    depends_on: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStep:
    """A step of a job, with the steps that come first beside those before it in its track."""

    name: str
    depends_on: list[str] = field(default_factory=list)
    when: str = "succeeded"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSummary:
    """A job file; `error` says what is wrong with it. `counts` has its tasks by state.

    `next_at` is when its schedule fires next; nothing fires without a scheduler.
    """

    name: str
    path: str
    description: str = ""
    error: str | None = None
    schedule: str | None = None
    next_at: str | None = None
    track_count: int = 0
    step_count: int = 0
    steps: list[JobStep] = field(default_factory=list)
    tasks: list[JobTask] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobList(Result):
    """The jobs of the repository, by the names of their files."""

    jobs: list[JobSummary]


def list_jobs(project: Project) -> JobList:
    """Return the jobs of `.runr/jobs`, those that cannot be read with the reason."""
    found = files.scan(project.layout)
    wrong = {each.path: each.text for each in problems.find(project, found)}
    snapshot = Snapshot.of(project) if found else None
    jobs = [_summary(project, each, snapshot, wrong) for each in found if snapshot]
    return JobList(jobs=jobs, next_steps=project.surface.lines([commands.list_tasks("--ready")]))


def _summary(
    project: Project, found: JobFile, snapshot: Snapshot, wrong: Mapping[str, str]
) -> JobSummary:
    job, error = found.job, wrong.get(found.path)
    if job is None:
        return JobSummary(name=found.name, path=found.path, error=error)
    next_at = scheduler.next_firing(job, project.clock())
    summary = JobSummary(
        name=job.name,
        path=found.path,
        description=job.description,
        track_count=len(job.tracks),
        step_count=len(job.steps),
        steps=[
            JobStep(name=step.name, depends_on=list(step.depends_on), when=step.when)
            for step in job.steps
        ],
        schedule=job.schedule,
        next_at=format_utc(next_at) if next_at else None,
    )
    if error is not None:
        return replace(summary, error=error)
    work = expansion.expand(project, job, snapshot).work
    states = snapshot.task_states()
    tasks = [
        JobTask(
            path=item.task,
            step=item.step,
            status=states[item.task].display_status,
            depends_on=list(item.needs),
        )
        for item in work.items
    ]
    return replace(summary, tasks=tasks, counts=dict(Counter(each.status for each in tasks)))
