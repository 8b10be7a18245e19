"""Let a run's process go, with the git hook that names the run in what its worker commits."""

import sys

from runr.app.project import Project
from runr.engine import local
from runr.errors import RunrError
from runr.git import hookplace
from runr.store.layout import RunFiles


def start(project: Project, run: RunFiles, lock: int) -> None:
    """Start the process and hand it the run's lock."""
    environment = dict(project.environment)
    try:
        if project.config().provenance.inject:
            environment |= hookplace.injected(project.repo, sys.executable, environment)
    except (OSError, RunrError) as error:
        # Then what the worker commits itself does not name its run: no reason not to run.
        project.warn(f"the git hook could not be written: {error}")
    local.start(project.layout, run, lock, environment)
