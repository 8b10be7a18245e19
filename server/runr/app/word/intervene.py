"""Manual work, put on record: a receipt first, then the commit that names it."""

import os

from pydantic import BaseModel, ConfigDict

from runr.app.answers import Answer
from runr.app.project import Project
from runr.app.word import testimony
from runr.core.runstate import Approval, Phase, RunStart, RunState
from runr.core.task import Task
from runr.engine import ending, record
from runr.engine.context import RunContext
from runr.errors import GitError, RunrError, UsageError
from runr.git import byhand, snapshot
from runr.git.byhand import Draft
from runr.git.trailers import ByHand

_AGAIN = "runr intervene --reason 'what was done and why'"


class InterveneRequest(BaseModel):
    """A wish to record manual work: what is staged, or `everything` that was changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str
    task: str | None = None
    by: str | None = None
    everything: bool = False


class Intervention(Answer):
    """What was recorded."""

    run: str
    task: str | None
    by: str
    reason: str
    sha: str
    files: list[str]
    folder: str


def intervene(project: Project, request: InterveneRequest) -> Intervention:
    """Commit manual work with a receipt; no task is completed by it.

    Raises UsageError, with nothing recorded, inside a run, in the middle of a
    merge or the like, where nothing was changed, and where nobody answers for it.
    """
    word = _word(project, request)
    task = project.find_task(request.task, project.tasks()) if request.task else None
    wanted = _draft(project, everything=request.everything)
    with testimony.claimed(project) as context:
        state = _record(project, context, task, word, wanted)
    return Intervention(
        run=state.id,
        task=task.path if task else None,
        by=word.by,
        reason=word.reason,
        sha=state.checkpoint_sha or "",
        files=[os.fsencode(change.path).decode(errors="replace") for change in wanted.changes],
        folder=str(context.files.folder),
    )


def _word(project: Project, request: InterveneRequest) -> Approval:
    outer = project.environment.get("RUNR_RUN_ID")
    if outer:
        raise UsageError(f"this is inside run {outer}: what a run does is no manual work")
    if not request.reason.strip():
        raise UsageError("manual work needs a reason", next_steps=[_AGAIN])
    by = request.by or project.repo.user()
    if not by:
        raise UsageError("who did it? Name the person with --by, or set git's user.name")
    return Approval(by=by, reason=request.reason.strip())


def _draft(project: Project, *, everything: bool) -> Draft:
    repo = project.repo
    if unfinished := repo.operation():
        raise UsageError(
            f"a {unfinished} is in progress: finish it first", next_steps=["git status"]
        )
    if byhand.is_unmerged(repo):
        raise UsageError("a conflict is not resolved yet", next_steps=["git status"])
    wanted = byhand.draft(repo, everything=everything)
    if wanted.changes:
        return wanted
    if everything:
        raise UsageError("nothing was changed, so there is no manual work to record")
    raise UsageError(
        "nothing is staged, so there is no manual work to record",
        next_steps=["git add --patch", f"{_AGAIN} --all"],
    )


def _record(
    project: Project, context: RunContext, task: Task | None, word: Approval, wanted: Draft
) -> RunState:
    """Write the record, then make the commit that it speaks of, then the receipt."""
    log, repo = context.log, project.repo
    base = wanted.head or snapshot.empty_tree(repo)
    start = RunStart(
        task=task.path if task else "",
        kind="intervention",
        title=word.reason.partition("\n")[0],
        worker="person",
        in_place=True,
        workdir=str(project.tree),
        base_sha=base,
        base_tree=repo.text("rev-parse", f"{base}^{{tree}}"),
        target=repo.branch(),
    )
    log.append("run.created", start.model_dump(mode="json"), source="person")
    log.append("run.approved", word.model_dump(), source="person")
    log.append("phase.started", {"phase": Phase.CHECKPOINT})
    trailers = ByHand(
        run_id=context.files.id, reason=log.redact(word.reason), task=start.task or None
    )
    try:
        sha = byhand.commit(repo, wanted, trailers)
    except GitError as error:
        ending.stop(context, "error", error.message)
        raise RunrError(error.message, next_steps=["git status", _AGAIN]) from None
    facts = {"outcome": "ok", "sha": sha, "changed": len(wanted.changes)}
    log.append("phase.finished", {"phase": Phase.CHECKPOINT} | facts)
    state = log.append("run.completed", {}, source="person")
    record.story(context, state)
    return state
