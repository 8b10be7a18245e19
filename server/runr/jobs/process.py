"""The detached process of a job run: `python -m runr exec-job <id> <repository> <lock>`."""

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from runr.errors import RunrError
from runr.execution import process
from runr.git import repo
from runr.jobs import job_hooks, lost_time
from runr.jobs.events import JobEnded, TimeLost
from runr.jobs.journal import JobJournal
from runr.jobs.orchestrator import Orchestrator
from runr.project import Project
from runr.redaction import Redactor
from runr.storage import files
from runr.storage.layout import RunFiles

#: Seconds that one git process of the orchestrator may take.
_GIT_LIMIT_S = 1800


def launch(project: Project, job_run: RunFiles) -> bool:
    """Start the process of a job run; False where one is alive already."""
    marked = lost_time.last_mark(job_run)
    lock = files.hold(job_run.lock)
    if lock is None:
        return False
    try:
        log = JobJournal(job_run, project.clock, Redactor(project.environment))
        if lost := lost_time.before_start(log.state(), marked, project.clock()):
            log.append(TimeLost(lost))
        process.start_runner(
            project.layout, job_run, lock, dict(project.environment), what="exec-job"
        )
    finally:
        os.close(lock)
    return True


def main(arguments: Sequence[str]) -> int:
    """Run the job to its end, holding the lock that was passed."""
    job_run_id, root, lock = arguments
    files.sign_lock(int(lock))
    # The runs that it starts must not hold it.
    os.set_inheritable(int(lock), False)
    repo.limit_processes(_GIT_LIMIT_S)
    project = Project.open(Path(root), os.environ, warn=_warn)
    job_run = project.layout.job_run(job_run_id)
    try:
        Orchestrator(project, job_run).run()
    except Exception as error:  # noqa: BLE001 - every internal error ends the job with its reason
        traceback.print_exception(error, file=sys.stderr)
        reason = (
            error.message if isinstance(error, RunrError) else f"{type(error).__name__}: {error}"
        )
        journal = JobJournal(job_run, project.clock, Redactor(project.environment))
        journal.append(JobEnded("failed", reason, "error"))
        job_hooks.announce_end(project, job_run)
    os.close(int(lock))
    return 0


def _warn(message: str) -> None:
    sys.stderr.write(f"{message}\n")
