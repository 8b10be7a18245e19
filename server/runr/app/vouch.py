"""A completion on a person's word alone, where there is nothing that runr could check."""

import os

from runr.app.project import Project
from runr.app.terms import write_down
from runr.core.runstate import Approval, Phase, RunStart, RunState
from runr.core.task import Task
from runr.engine import record
from runr.store import files, runlog


def vouch(project: Project, task: Task, word: Approval) -> RunState:
    """Record a run without checks that `word` completes; its verification is `none`."""
    run = runlog.claim(project.layout, project.clock(), project.suffixes)
    lock = files.hold(run.lock)
    try:
        context = project.context(run)
        terms = write_down(project, run, task, project.config())
        head = project.repo.head() or ""
        start = RunStart(
            task=task.path,
            **dict(terms.model_copy(update={"checks": ()})),
            worker="person",
            in_place=True,
            workdir=str(project.tree),
            base_sha=head,
            base_tree=head,
        )
        log = context.log
        log.append("run.created", start.model_dump(mode="json"), source="person")
        log.append("phase.started", {"phase": Phase.VERIFY})
        log.append("phase.finished", {"phase": Phase.VERIFY, "outcome": "none", "checks": []})
        log.append("run.approved", word.model_dump(), source="person")
        state = log.append("run.completed", {}, source="person")
        record.status(context, state)
        return state
    finally:
        if lock is not None:
            os.close(lock)
