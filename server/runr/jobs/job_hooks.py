"""The lifecycle hooks of a job: called with its receipt, by another process after its end."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runr.clock import format_utc
from runr.config.settings import Config, HookSettings
from runr.errors import ChangedInputsError, RunrError
from runr.execution import inputs
from runr.execution.context import inherited_environment
from runr.jobs import journal, receipt
from runr.jobs.journal import JobJournal
from runr.jobs.receipt_model import Receipt, ReceiptTask
from runr.jobs.state import JobState
from runr.lifecycle_hooks import after_end, delivery, payload
from runr.lifecycle_hooks.delivery import Surroundings
from runr.lifecycle_hooks.points import Point
from runr.project import Project
from runr.redaction import Redactor
from runr.runs.hook_events import HookFinished
from runr.storage import files
from runr.storage.layout import RunFiles

_POINT: Point = "post_job"


def keep_settings(job_run: RunFiles, config: Config) -> str:
    """Store the settings with which a job begins, and return their digest."""
    files.replace(job_run.config, config.model_dump_json(indent=1).encode() + b"\n")
    return inputs.digest(job_run.config)


def announce_end(project: Project, job_run: RunFiles) -> None:
    """Have the hooks called by a process of their own; the job has ended whatever they do."""
    try:
        if after_end.has_hooks(job_run, _POINT):
            after_end.start(job_run, _POINT, project.environment, what="exec-job-hooks")
    except (OSError, RunrError, ValueError) as error:
        with suppress(OSError, RunrError):
            _journal(project, job_run).append(after_end.not_called(_POINT, error))


def main(arguments: Sequence[str]) -> int:
    """Call the hooks after a job run, holding the lock that was passed."""
    job_run_id, root, _, lock = arguments
    after_end.take_over(lock)
    project = Project.open(Path(root), os.environ)
    job_run = project.layout.job_run(job_run_id)
    log, state = _journal(project, job_run), journal.require(job_run)
    try:
        hooks = _hooks(job_run, state)
        around, data = _surroundings(project, job_run, state), _payload(project, job_run, state)
    except (OSError, RunrError, ValueError) as error:
        log.append(after_end.not_called(_POINT, error))
        return 0

    async def call(hook: HookSettings) -> HookFinished:
        finished = await delivery.call(hook, _POINT, data, around)
        log.append(finished)
        return finished

    after_end.call_all(hooks, call, log.append, point=_POINT, lock=lock)
    return 0


def example() -> dict[str, Any]:
    """Return what a hook gets about a job, where no job has run."""
    made = Receipt(
        id="20260101-000000-test",
        job="example",
        status="completed",
        headline="completed: 1 of 1 tasks",
        landed_on="main",
        base_sha="",
        created_at="2026-01-01T00:00:00Z",
        ended_at="2026-01-01T00:05:00Z",
        seconds=300,
        tasks=[
            ReceiptTask(path=".runr/tasks/example.md", track="main", step="1", result="completed")
        ],
    )
    return asdict(made)


def _hooks(job_run: RunFiles, state: JobState) -> tuple[HookSettings, ...]:
    known = state.start.config_sha256
    if known and inputs.digest(job_run.config) != known:
        raise ChangedInputsError(f"the copy that job run {job_run.id} has of its settings changed")
    return after_end.read_hooks(job_run).at(_POINT)


def _payload(project: Project, job_run: RunFiles, state: JobState) -> bytes:
    made = payload.of_job(
        asdict(receipt.build(project, job_run, state)),
        _POINT,
        id_=f"{state.id}.{_POINT}.{state.seq}",
        time=format_utc(project.clock()),
        repository=project.layout.root.name,
    )
    return payload.encode(made, Redactor(project.environment))


def _surroundings(project: Project, job_run: RunFiles, state: JobState) -> Surroundings:
    folder = project.layout.root
    return Surroundings(
        folder=folder,
        environment=project.environment,
        child_environment=inherited_environment(project.environment) | {"PWD": str(folder)},
        marker=f"{state.id}.{_POINT}",
        redact=Redactor(project.environment),
        log=job_run.runner_log,
    )


def _journal(project: Project, job_run: RunFiles) -> JobJournal:
    return JobJournal(job_run, project.clock, Redactor(project.environment))
