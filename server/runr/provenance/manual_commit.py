"""Manual commits: write the record, then make the commit that names it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from runr.errors import GitError, RunrError, UsageError
from runr.execution import completion
from runr.execution.context import RunContext
from runr.git import commits, quarantine, snapshot, staged_before
from runr.git.checkpoint import move_head, stage, unstaged_on_failure
from runr.git.repo import Repo
from runr.git.snapshot import Change
from runr.git.trailers import ManualTrailers, message
from runr.lifecycle import attest, statements
from runr.next_steps import commands
from runr.project import Project
from runr.query.models import Result
from runr.runs.events import CheckpointFinished, PhaseStarted, RunApproved, RunCompleted
from runr.runs.model import Approval, Phase, RunCreated, RunSpec, RunState
from runr.tasks.model import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualDraft:
    """A commit that could be made on top of `head`; its objects are in `scratch` until then."""

    head: str | None
    tree: str
    changes: tuple[Change, ...]
    scratch: Repo


@contextmanager
def draft_manual_commit(repo: Repo, *, everything: bool) -> Iterator[ManualDraft]:
    """Yield what is staged, or all that git does not ignore but runr's own; changes nothing."""
    head = repo.head()
    with quarantine.temporary(repo) as scratch:
        tree = snapshot.take(scratch) if everything else scratch.text("write-tree")
        changes = snapshot.changed(scratch, head or snapshot.empty_tree(scratch), tree)
        yield ManualDraft(head=head, tree=tree, changes=changes, scratch=scratch)


def is_unmerged(repo: Repo) -> bool:
    """Tell whether a conflict waits in the index."""
    return bool(repo.run("ls-files", "--unmerged"))


def write_manual_commit(repo: Repo, wanted: ManualDraft, trailers: ManualTrailers) -> str:
    """Commit exactly the draft, if HEAD has not moved meanwhile."""
    subject, _, body = trailers.reason.partition("\n")
    text = message(subject, body, trailers).encode()
    parents = (wanted.head,) if wanted.head else ()
    sha = commits.create(wanted.scratch, wanted.tree, parents, text)
    quarantine.publish(wanted.scratch, repo, sha, *parents)
    before = staged_before.differences(repo, wanted.head) if wanted.head else {}
    stage(repo, wanted.changes)
    with unstaged_on_failure(repo, wanted.changes, before):
        move_head(repo, sha, wanted.head, f"runr: manual work {trailers.run_id}")
    return sha


class InterveneRequest(BaseModel):
    """Arguments of `runr intervene`: commit what is staged, or `everything` that was changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str
    task: str | None = None
    by: str | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualCommitResult(Result):
    """What was recorded."""

    run_id: str
    task_path: str | None
    committed_by: str
    reason: str
    commit_sha: str
    files: list[str]
    run_dir: str


def commit_manual_work(project: Project, request: InterveneRequest) -> ManualCommitResult:
    """Commit manual work with a record; no task is completed by it.

    Raises UsageError, with nothing recorded, inside a run, in the middle of a
    merge or the like, where nothing was changed, and where no person is named.
    """
    word = _word(project, request)
    task = project.find_task(request.task, project.tasks()) if request.task else None
    _refuse_unfinished(project.repo)
    with draft_manual_commit(project.repo, everything=request.everything) as wanted:
        _refuse_nothing(project.repo, wanted, everything=request.everything)
        with attest.claim_for_person(project) as context:
            state = _record(project, context, task, word, wanted)
    return ManualCommitResult(
        run_id=state.id,
        task_path=task.path if task else None,
        committed_by=word.signature,
        reason=word.reason,
        commit_sha=state.checkpoint_sha or "",
        files=[os.fsencode(change.path).decode(errors="replace") for change in wanted.changes],
        run_dir=str(context.files.folder),
        next_steps=project.surface.lines([commands.report(state.id)]),
    )


def _word(project: Project, request: InterveneRequest) -> Approval:
    project.refuse_inside("what a run does is no manual work")
    if not request.reason.strip():
        raise UsageError("manual work needs a reason", next_steps=[commands.intervene()])
    steps = [commands.intervene()]
    return statements.build_attestation(project, request.reason, request.by, steps)


def _refuse_unfinished(repo: Repo) -> None:
    if refused := repo.refusal():
        raise refused
    if unfinished := repo.operation():
        raise UsageError(
            f"a {unfinished} is in progress: finish it first", next_steps=[commands.git("status")]
        )
    if is_unmerged(repo):
        raise UsageError("a conflict is not resolved yet", next_steps=[commands.git("status")])


def _refuse_nothing(repo: Repo, wanted: ManualDraft, *, everything: bool) -> None:
    if wanted.changes:
        return
    if everything or not repo.text("status", "--porcelain"):
        raise UsageError("nothing was changed, so there is no manual work to record")
    raise UsageError(
        "nothing is staged, so there is no manual work to record",
        next_steps=[commands.git("add", "--patch"), commands.intervene("--all")],
    )


def _record(
    project: Project, context: RunContext, task: Task | None, word: Approval, wanted: ManualDraft
) -> RunState:
    """Write the record, make the commit, then complete the record."""
    log, repo = context.journal, project.repo
    base = wanted.head or snapshot.empty_tree(repo)
    start = RunCreated(
        task=task.path if task else "",
        kind="manual_commit",
        spec=RunSpec(title=word.reason.partition("\n")[0]),
        worker="person",
        in_place=True,
        workdir=str(project.tree),
        base_sha=base,
        base_tree=repo.text("rev-parse", f"{base}^{{tree}}"),
        target=repo.branch(),
    )
    log.append(start, source="person")
    log.append(RunApproved(*word), source="person")
    log.append(PhaseStarted(Phase.CHECKPOINT))
    trailers = ManualTrailers(
        run_id=context.files.id,
        reason=log.redact(word.reason),
        task=start.task or None,
        relayed_by=word.relayed_by,
    )
    try:
        sha = write_manual_commit(repo, wanted, trailers)
    except GitError as error:
        completion.stop(context, "error", error.message)
        raise RunrError(
            error.message, next_steps=[commands.git("status"), commands.intervene()]
        ) from None
    log.append(CheckpointFinished("ok", commit_sha=sha, changed=len(wanted.changes)))
    state = log.append(RunCompleted(), source="person")
    completion.write_report(context, state)
    return state
