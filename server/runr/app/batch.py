"""Run every automated task that is ready, and those that become ready by it."""

from collections.abc import Callable

from pydantic import Field

from runr.app import follow, listing, start
from runr.app.answers import Answer, RunView, TaskRow
from runr.app.project import Project
from runr.app.start import RunRequest
from runr.core import stops
from runr.core.runstate import Event
from runr.errors import AlreadyRunningError, RunrError, UnknownNameError, WorkerUnavailableError

Hear = Callable[[RunView], None]


class Batch(Answer):
    """What came of it.

    `refused` says of each task that could not be started why; `waiting` are
    the tasks that only a person can take further.
    """

    runs: list[RunView] = Field(default_factory=list)
    refused: list[str] = Field(default_factory=list)
    waiting: list[str] = Field(default_factory=list)
    stopped: list[str] = Field(default_factory=list)
    message: str = ""


def _ignore(_heard: object) -> None:
    """Hear nothing."""


def run_ready(
    project: Project,
    *,
    worker: str | None = None,
    in_place: bool = False,
    on_begin: Hear = _ignore,
    on_event: Callable[[Event], None] = _ignore,
    on_end: Hear = _ignore,
) -> Batch:
    """Run ready automated tasks one after another, the most urgent first, each once.

    A task that waits for a person is left to that person, and one whose run has
    stopped to `runr resume`. A worker that is not there is raised if it is the
    reason why nothing ran.
    """
    runs: list[RunView] = []
    refused: dict[str, RunrError] = {}
    tried: set[str] = set()
    while (row := _next(project, tried)) is not None:
        tried.add(row.path)
        request = RunRequest(task=row.path, worker=worker, in_place=in_place)
        try:
            answer = start.run_task(project, request)
        except AlreadyRunningError:
            continue  # somebody else was quicker: it is being done
        except (WorkerUnavailableError, UnknownNameError) as error:
            refused[row.path] = error
            continue
        on_begin(answer.run)
        runs.append(follow.wait(project, answer.run.id, on_event=on_event))
        on_end(runs[-1])
    if refused and not runs:
        raise next(iter(refused.values()))
    told = [f"{_name(path)}: {error.message}" for path, error in refused.items()]
    rows = [row for row in listing.all_rows(project) if row.path not in tried]
    waiting = [row.path for row in rows if _waits(row)]
    stopped = [row.path for row in rows if row.ready and _has_stopped(row) and not _waits(row)]
    message = _summary(runs, waiting, stopped)
    return Batch(runs=runs, refused=told, waiting=waiting, stopped=stopped, message=message)


def _next(project: Project, tried: set[str]) -> TaskRow | None:
    ready = listing.next_ready(project)
    fresh = (row for row in ready if row.path not in tried and not _has_stopped(row))
    return next(fresh, None)


def _waits(row: TaskRow) -> bool:
    return row.ready and (row.type != "automated" or row.stop_reason in stops.FOR_A_PERSON)


def _has_stopped(row: TaskRow) -> bool:
    """Tell whether a run of the task waits to be resumed, with work in it."""
    return row.status in ("stopped", "failed")


def _summary(runs: list[RunView], waiting: list[str], stopped: list[str]) -> str:
    done = sum(run.status == "completed" for run in runs)
    total = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
    told = f"{done} of {total} completed" if runs else "No automated task is ready"
    names = ", ".join(map(_name, waiting))
    earlier = ", ".join(map(_name, stopped))
    told += f"; waiting for a person: {names}" if names else ""
    return told + (f"; stopped earlier, to be resumed: {earlier}" if earlier else "")


def _name(path: str) -> str:
    return path.removeprefix(".runr/tasks/")
