"""What is wrong with job files: what cannot be read, and what cannot work as it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runr.errors import RunrError
from runr.jobs import expansion, files, work
from runr.jobs.expansion import StepError
from runr.jobs.files import JobFile
from runr.jobs.model import Job
from runr.jobs.parser import step_lines
from runr.project import Project
from runr.query.snapshot import Snapshot
from runr.workers import registry


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProblem:
    """What keeps a job from being used; `line` is None where the whole file is meant."""

    job: str
    path: str
    message: str
    line: int | None = None

    @property
    def text(self) -> str:
        """The message with its place."""
        return files.located(self.path, self.line, self.message)


def find(project: Project, found: Sequence[JobFile] | None = None) -> list[JobProblem]:
    """Return the problems of job files, by default of all, at most one for each file."""
    found = files.scan(project.layout) if found is None else found
    if not found:
        return []
    snapshot = Snapshot.of(project)
    looked = (_problem(project, each, found, snapshot) for each in found)
    return [problem for problem in looked if problem is not None]


def _problem(
    project: Project, found: JobFile, all_files: Sequence[JobFile], snapshot: Snapshot
) -> JobProblem | None:
    if found.job is None:
        return JobProblem(job=found.name, path=found.path, message=found.message, line=found.line)
    for step, message in _wrong(project, found.job, snapshot):
        line = step_lines(found.text).get(step) if step else None
        return JobProblem(job=found.name, path=found.path, message=message, line=line)
    for other in all_files:
        if other.name == found.name and other.path != found.path:
            message = f"its name, {found.name}, is that of {other.path}, too"
            return JobProblem(job=found.name, path=found.path, message=message)
    return None


def _wrong(project: Project, job: Job, snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, behind the step that it is about, if any."""
    try:
        expanded = expansion.expand(project, job, snapshot)
    except StepError as error:
        yield error.step, error.message
        return
    for step in job.steps:
        for name in step.workers:
            try:
                registry.find(name, project.config())
            except RunrError as error:
                yield step.name, f"step {step.name}: {error.message}"
    for reason in dict.fromkeys(work.ordering(expanded.work).cycles.values()):
        yield "", reason
