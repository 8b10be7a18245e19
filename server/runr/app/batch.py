"""Run every automated task that is ready, and those that become ready by it."""

from collections.abc import Callable

from pydantic import Field

from runr.app import follow, listing, start
from runr.app.answers import Answer, RunView, TaskRow
from runr.app.project import Project
from runr.app.start import RunRequest
from runr.core.runstate import Event
from runr.errors import AlreadyRunningError

Hear = Callable[[RunView], None]


class Batch(Answer):
    """What came of it; `waiting` are the tasks that only a person can do next."""

    runs: list[RunView] = Field(default_factory=list)
    waiting: list[str] = Field(default_factory=list)
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
    """Run ready automated tasks one after another, the most urgent first, each once."""
    runs: list[RunView] = []
    tried: set[str] = set()
    while (row := _next(project, tried)) is not None:
        tried.add(row.path)
        request = RunRequest(task=row.path, worker=worker, in_place=in_place)
        try:
            answer = start.run_task(project, request)
        except AlreadyRunningError:
            continue  # somebody else was quicker: it is being done
        on_begin(answer.run)
        runs.append(follow.wait(project, answer.run.id, on_event=on_event))
        on_end(runs[-1])
    waiting = [row.path for row in listing.next_ready(project, kinds=("manual", "hybrid"))]
    return Batch(runs=runs, waiting=waiting, message=_summary(runs, waiting))


def _next(project: Project, tried: set[str]) -> TaskRow | None:
    ready = listing.next_ready(project)
    return next((row for row in ready if row.path not in tried), None)


def _summary(runs: list[RunView], waiting: list[str]) -> str:
    done = sum(run.status == "completed" for run in runs)
    told = f"{done} of {len(runs)} runs completed" if runs else "No automated task is ready"
    names = ", ".join(path.removeprefix(".runr/tasks/") for path in waiting)
    return f"{told}; waiting for a person: {names}" if names else told
