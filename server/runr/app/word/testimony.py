"""A person's word about a task, and the runs without a worker that record it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from runr.app.holding.terms import write_down
from runr.app.project import Project
from runr.core.runstate import Approval, RunStart
from runr.core.task import Task
from runr.engine.context import RunContext
from runr.errors import UsageError
from runr.store import files, runlog, runrfolder


def word(project: Project, reason: str, by: str | None) -> Approval:
    """Return what is said, in the name of git's user unless somebody is named."""
    name = by or project.repo.user()
    if not name:
        raise UsageError("who says so? Name the person with --by, or set git's user.name")
    return Approval(by=name, reason=reason.strip())


@contextmanager
def claimed(project: Project) -> Iterator[RunContext]:
    """Claim a new run, and hold it until the context is left."""
    runrfolder.ensure(project.layout)
    run = runlog.claim(project.layout, project.clock(), project.suffixes)
    lock = files.hold(run.lock)
    try:
        yield project.context(run)
    finally:
        if lock is not None:
            os.close(lock)


@contextmanager
def opened(project: Project, task: Task, **facts: object) -> Iterator[RunContext]:
    """Open a new run on the task as it is now; `facts` are what else is known of its start."""
    with claimed(project) as context:
        terms = write_down(project, context.files, task, project.config())
        head = project.repo.head() or ""
        start = RunStart.model_validate(
            {
                **dict(terms),
                "task": task.path,
                "worker": "person",
                "in_place": True,
                "workdir": str(project.tree),
                "base_sha": head,
                "base_tree": head,
                **facts,
            }
        )
        context.log.append("run.created", start.model_dump(mode="json"), source="person")
        yield context
