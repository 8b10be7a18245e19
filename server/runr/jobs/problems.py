"""What is wrong with job files: what cannot be read, and what cannot work as it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runr.errors import ConfigError, RunrError
from runr.jobs import expansion, files, work
from runr.jobs.expansion import StepError
from runr.jobs.files import JobFile
from runr.jobs.model import Job
from runr.jobs.parser import line_of
from runr.next_steps import commands
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


def find_job(project: Project, wanted: str) -> Job:
    """Return the job of this name; ConfigError with file and line for one that cannot be used."""
    return _required(project, files.find(project, wanted))


def load_job(project: Project, path: str) -> Job:
    """Return the job of a file anywhere; ConfigError with file and line as for `find_job`."""
    return _required(project, files.load(project, path))


def _required(project: Project, found: JobFile) -> Job:
    if found.job is None:
        raise ConfigError(found.error, next_steps=["the keys of a job file: docs/jobs.md"])
    if problem := _unusable(project, found, Snapshot.of(project)):
        raise ConfigError(problem.text, next_steps=[commands.list_tasks(), commands.workers()])
    return found.job


def _problem(
    project: Project, found: JobFile, all_files: Sequence[JobFile], snapshot: Snapshot
) -> JobProblem | None:
    problem = _unusable(project, found, snapshot)
    if problem is not None or found.job is None:
        return problem
    wanted = expansion.expand(project, found.job, snapshot).work
    for reason in work.ordering(wanted).cycles.values():
        return JobProblem(job=found.name, path=found.path, message=reason)
    for other in all_files:
        if other.name == found.name and other.path != found.path:
            message = f"its name, {found.name}, is that of {other.path}, too"
            return JobProblem(job=found.name, path=found.path, message=message)
    return None


def _unusable(project: Project, found: JobFile, snapshot: Snapshot) -> JobProblem | None:
    """Return what keeps a job from being started: it cannot be read, or names what is not there."""
    job = found.job
    if job is None:
        return JobProblem(job=found.name, path=found.path, message=found.message, line=found.line)
    for step, word, message in _wrong_words(project, job, snapshot):
        line = line_of(found.text, step, word)
        return JobProblem(job=found.name, path=found.path, message=message, line=line)
    return None


def _wrong_words(project: Project, job: Job, snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
    """Yield the steps that name what does not exist, with the word and what is wrong with it."""
    try:
        expansion.expand(project, job, snapshot)
    except StepError as error:
        yield error.step, error.word, error.message
        return
    for step in job.steps:
        for name in step.workers:
            try:
                registry.find(name, project.config())
            except RunrError as error:
                yield step.name, name, f"step {step.name}: {error.message}"
