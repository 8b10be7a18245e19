"""Whether checks fail already on the commit that the tasks of a job begin with."""

from collections.abc import Collection
from contextlib import suppress
from threading import Thread

from runr import nofollow
from runr.errors import RunrError
from runr.jobs.landing import verify_commit
from runr.jobs.state import JobState
from runr.project import Project
from runr.query.snapshot import Snapshot
from runr.runs import spec
from runr.runs.model import RunSpec
from runr.storage.layout import RunFiles
from runr.tasks.model import Task
from runr.workers import process_tree


def shared_checks(project: Project, tasks: Collection[str]) -> RunSpec:
    """Return the checks of the settings that any of these tasks has, each once.

    A check of a task's own may fail before its work is done.
    """
    config, states = project.config(), Snapshot.of(project).task_states()
    used = {
        check.command
        for task in tasks
        if task in states
        for check in spec.build_spec(states[task].task, config).checks
    }
    plain = spec.build_spec(Task(path="", title=""), config)
    checks = tuple({each.command: each for each in plain.checks if each.command in used}.values())
    return plain._replace(checks=checks)


def failures(project: Project, folder: RunFiles, wanted: RunSpec, commit: str) -> tuple[str, ...]:
    """Run the checks in a clean checkout of the commit, and return a sentence for each failure."""
    try:
        if nofollow.exists(folder.folder):  # a process was killed at it
            process_tree.end_marked(folder.id)
            nofollow.remove_tree(folder.folder)
        nofollow.make_folder(folder.folder)
        results = verify_commit(project, folder, commit, wanted, wanted.checks)
    except RunrError as error:
        return (f"the checks cannot run on {commit[:12]}: {error.message}",)
    except OSError as error:
        return (f"the checks cannot run on {commit[:12]}: {error}",)
    finally:
        with suppress(OSError):
            nofollow.remove_tree(folder.folder)
    return tuple(
        f"`{each.command}` fails on {commit[:12]} already: "
        + (each.tail.strip().splitlines() or ["it printed nothing"])[-1]
        for each in results
        if each.failed
    )


def folder_of(project: Project, name: str) -> RunFiles:
    """Return a folder for the log of such checks, which is removed after them."""
    return RunFiles(project.layout.job_runs / f".checks-{name}", project.tree)


class BaseChecks:
    """The checks beside the first steps of a job."""

    def __init__(self, project: Project, state: JobState) -> None:
        self._found: tuple[str, ...] | None = None
        self._folder = folder_of(project, state.id)
        left = [each.task for each in state.tasks if each.status != "completed"]
        tip = project.repo.resolve(f"refs/heads/{state.start.branch}")
        wanted = shared_checks(project, left)
        if state.base_failures is not None or state.result or not (tip and wanted.checks):
            self._thread = None
            return

        def look() -> None:
            self._found = failures(project, self._folder, wanted, tip)

        self._thread = Thread(target=look, name="base-checks")
        self._thread.start()

    def take(self) -> tuple[str, ...] | None:
        """Return the failures of checks that have ended since; None where there is no news."""
        found, self._found = self._found, None
        return found

    def end(self) -> None:
        """End checks whose result is not needed any more."""
        while self._thread is not None and self._thread.is_alive():
            process_tree.end_marked(self._folder.id)
            self._thread.join(0.1)
