"""The execution of a run: its phases, performed until it ends. Each phase is idempotent."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from runr.errors import (
    ChangedInputsError,
    DamagedStateError,
    GitError,
    MixedChangesError,
    RunrError,
    VerificationError,
    WorkerUnavailableError,
)
from runr.execution import candidate, completion, own_branch, rework, run_hooks
from runr.execution.attempt import work
from runr.execution.context import RunContext
from runr.execution.integration import integrate
from runr.execution.review import run_plan, run_review
from runr.execution.verification import verify
from runr.git import branches, checkpoint, commits, recovery, snapshot, submodules, worktree
from runr.git.checkpoint import TreeChangedError
from runr.git.ignored import ignored_files
from runr.git.repo import Repo
from runr.runs import events, journal
from runr.runs.events import (
    CheckpointFinished,
    FinishedPhase,
    PhaseFinished,
    PhaseStarted,
)
from runr.runs.machine import next_action
from runr.runs.model import UNCHECKED, Phase, RunState
from runr.runs.watched_journal import JournalChangedError
from runr.scope import rules
from runr.text import join_limited

PhaseStep = Callable[[RunContext, RunState], Awaitable[FinishedPhase]]

#: The outcome, and the stop reason, of what a lifecycle hook has refused.
_REFUSED = "hook_refused"

#: The phases that need the branch of the run's own worktree, which may be deleted meanwhile.
_ON_OWN_BRANCH = (Phase.WORK, Phase.VERIFY, Phase.CHECKPOINT, Phase.INTEGRATE)

#: How many uncommitted files are recorded.
_LEFT_DIRTY = 50
# How many of them a sentence names.
_LEFT_NAMED = 5


async def run_phases(context: RunContext) -> RunState:
    """Perform actions until the run has ended, or until its session has work to do."""
    try:
        return await _perform_all(context)
    except JournalChangedError as error:
        return completion.stop(context, "journal_changed", error.message)


async def _perform_all(context: RunContext) -> RunState:
    state = journal.require(context.files)
    while True:
        action = next_action(state)
        if action.kind in ("rest", "wait"):
            return state
        if action.kind == "stop":
            return completion.stop(context, action.code or "error", state.detail)
        if action.kind == "complete":
            return completion.complete(context)
        phase = action.phase or Phase.PREPARE
        if not (state.phase_open and state.phase is phase):
            started = PhaseStarted(phase, action.attempt, _milestone(state, phase))
            state = context.journal.append(started)
        state = await _perform(context, state, phase)


async def _perform(context: RunContext, state: RunState, phase: Phase) -> RunState:
    try:
        refusal = await _ask_before(context, state, phase)
        if refusal is None:
            if phase in _ON_OWN_BRANCH:
                own_branch.restore(context, state)
            finished = await STEPS[phase](context, state)
        else:
            finished = _finished(phase, _REFUSED, refusal)
    except JournalChangedError:
        raise
    except RunrError as error:
        finished = _finished(phase, _stop_code(error), _explain(context, state, error))
    return context.journal.append(finished)


async def _ask_before(context: RunContext, state: RunState, phase: Phase) -> str | None:
    """Ask the hooks that may refuse the begin of a run, or that its work gets into its branch."""
    if phase is Phase.PREPARE and not state.rework.why:
        return await run_hooks.ask(context, state, "pre_run")
    in_place = state.start.branch is None
    is_last = len(state.checkpoints) + 1 >= len(state.milestones)
    lands = phase is Phase.CHECKPOINT and is_last if in_place else phase is Phase.INTEGRATE
    return await run_hooks.ask(context, state, "pre_complete") if lands else None


def _explain(context: RunContext, state: RunState, error: RunrError) -> str:
    """Return what is wrong; of a worktree that has lost its repository that, not git's words."""
    if isinstance(error, GitError) and state.start.branch is not None:
        try:
            worktree.refuse_foreign(context.root, Path(state.start.workdir))
        except GitError as cause:
            return cause.message
    return error.message


def _finished(phase: Phase, outcome: str, detail: str | None = None) -> FinishedPhase:
    """Return the end of a phase of which nothing but its outcome is known."""
    match phase:
        case Phase.PLAN:
            return events.PlanFinished(outcome, detail)
        case Phase.WORK:
            return events.WorkFinished(outcome, detail)
        case Phase.VERIFY:
            return events.VerifyFinished(outcome, (), detail)
        case Phase.REVIEW:
            return events.ReviewFinished(outcome, detail)
        case Phase.CHECKPOINT:
            return events.CheckpointFinished(outcome, detail)
        case Phase.INTEGRATE:
            return events.IntegrateFinished(outcome, detail)
        case _:
            return events.PhaseFinished(phase, outcome, detail)


def _stop_code(error: RunrError) -> str:
    if isinstance(error, WorkerUnavailableError):
        return "worker_unavailable"
    if isinstance(error, ChangedInputsError):
        return "inputs_changed"
    if isinstance(error, MixedChangesError):
        return "mixed_changes"
    if isinstance(error, VerificationError):
        return "no_clean_checkout"
    return "git_failed" if isinstance(error, GitError) else "error"


def _milestone(state: RunState, phase: Phase) -> str | None:
    """Return the milestone that the phase works on, as it is shown to those who follow the run."""
    if phase is not Phase.WORK or not state.milestone:
        return None
    title = state.milestones[state.milestone - 1]
    return f"{state.milestone}/{len(state.milestones)} {title}"


async def prepare(context: RunContext, state: RunState) -> FinishedPhase:
    """Create the run's worktree, unless it works in the user's working tree.

    Before a further attempt on top of the branch, it has the work already.
    """
    start = state.start
    if state.rework.why:
        # Work that was put there before is in no commit until it is verified.
        is_kept = state.rework.why == UNCHECKED and not state.is_committed
        if not is_kept and (left := _left_since_a_stop(context, state)):
            return rework.refused(state, f"in no commit are {join_limited(left, _LEFT_NAMED)}")
        return rework.move_work(context, state)
    if start.branch is not None:
        path = Path(start.workdir)
        is_new = worktree.add(context.root, path, start.branch, start.base_sha)
        submodules.populate(context.root, Repo(path), fresh=True)
        snapshot.begin(context.workspace(state), start.base_sha if is_new else "")
    return PhaseFinished(Phase.PREPARE, "ok")


async def commit(context: RunContext, state: RunState) -> FinishedPhase:
    """Commit what the run changed, with trailers that name the record."""
    start = state.start
    workspace = context.workspace(state)
    if start.branch is None and (unfinished := Repo(Path(start.workdir)).operation()):
        raise GitError(f"a {unfinished} is in progress in {start.workdir}: finish it first")
    seen, verified = commits.checked_out(workspace), state.verification.tree
    now = snapshot.take(workspace, head=seen.commit if seen else None)
    if verified and now != verified:
        return CheckpointFinished("altered", _alteration(workspace, verified, now))
    passed = state.verification.candidate if state.verification.result == "passed" else None
    try:
        made = checkpoint.commit(
            workspace,
            base=start.base_sha,
            base_tree=start.base_tree,
            after=state.checkpoints[-1] if state.checkpoints else start.base_sha,
            now=now,
            tree=passed.commit_tree if passed else None,
            message=candidate.commit_message(state),
            trailers=candidate.trailers(state),
            seen=seen,
            refresh=start.branch is None,
        )
    except TreeChangedError as error:
        return CheckpointFinished("altered", error.message)
    whole = made.parent == start.base_sha or _has_lost_base(workspace, state, made.sha)
    total = made.paths if whole else snapshot.changed(workspace, start.base_sha, made.sha)
    # In a tree of the run's own, nothing is left where all of the snapshot was committed.
    dirty = () if start.branch is not None and made.tree == now else workspace.dirty()
    committed = {*made.paths} - {*made.shared} | {f"{path}/" for path in worktree.below(workspace)}
    left = {path for path in dirty if not rules.is_runrs(path)} - committed
    return CheckpointFinished(
        "ok",
        commit_sha=made.sha,
        changed=len(total),
        left_dirty=tuple(sorted(left)[:_LEFT_DIRTY]),
    )


def _alteration(workspace: Repo, verified: str, now: str) -> str:
    # `runr clean` may have removed the snapshot that was verified.
    exists = workspace.answer("cat-file", "-e", verified) is not None
    changes = snapshot.changed(workspace, verified, now) if exists else ()
    names = join_limited([change.path for change in changes], 5) or "the snapshot is gone"
    return f"changed during the checks: {names}"


async def clean_up(context: RunContext, state: RunState) -> FinishedPhase:
    """Remove the run's worktree, unless a person has left something in it."""
    start = state.start
    if start.branch is not None:
        path = Path(start.workdir)
        begun = worktree.is_removal_begun(context.root, path)
        if not begun and (left := _left_since_a_stop(context, state)):
            names = join_limited(left, _LEFT_NAMED)
            kept = f"{path} is kept: in no commit are {names}"
            return PhaseFinished(Phase.RECORD, "ok", kept)
        try:
            _remove_worktree(context, path)
        except (GitError, DamagedStateError) as error:
            # The work has landed, so the run has not failed.
            why = f"{error.message}; `runr clean` removes it after that"
            return PhaseFinished(Phase.RECORD, "ok", why)
        rework.forget_kept(context, state)
        return PhaseFinished(Phase.RECORD, "ok", _left_branch(context, start.branch, state))
    return PhaseFinished(Phase.RECORD, "ok", _lost_base(state))


def _remove_worktree(context: RunContext, path: Path) -> None:
    try:
        worktree.remove(context.root, path)
    except GitError:
        # That git may have been killed, or met the lock of a killed one.
        recovery.clear_locks(context.root, context.layout.worktrees)
        worktree.remove(context.root, path)


def _left_branch(context: RunContext, branch: str, state: RunState) -> str | None:
    """Delete the run's branch where all of it has landed; say so where git could not."""
    target = state.integration.target
    if target is None:
        return None
    why = branches.delete_landed(context.root, branch, target, context.layout.worktrees)
    return f"the branch {branch} is left, until `runr clean` removes it: {why}" if why else None


def _lost_base(state: RunState) -> str | None:
    """Say where a run in place has ended on commits without the one with which it began."""
    start, made = state.start, state.checkpoint_sha
    if not made or not _has_lost_base(Repo(Path(start.workdir)), state, made):
        return None
    where, base = start.target or "HEAD", start.base_sha[:12]
    return f"{where} no longer has {base}, with which the run began: {made[:12]} is without it"


def _has_lost_base(repo: Repo, state: RunState, made: str) -> bool:
    base = state.start.base_sha
    return state.start.branch is None and bool(base) and not repo.is_ancestor(base, made)


def _left_since_a_stop(context: RunContext, state: RunState) -> list[str]:
    """Return the files in the worktree that are in no commit and that a person may have written.

    The worker ended before the run stopped for the first time, and what it left is recorded.
    """
    known = journal.events(context.files)
    stop = next((event.time for event in known if isinstance(event.data, events.RunStopped)), None)
    if stop is None or not Path(state.start.workdir).is_dir():
        return []
    workspace = context.workspace(state)
    seen = workspace.checkout()
    if seen is None:
        return []
    changes = snapshot.changed(workspace, seen.tree, snapshot.take(workspace, head=seen.commit))
    since = datetime.fromisoformat(stop).timestamp()
    skip = state.spec.carry
    ignored = ignored_files(workspace, since=since, skip=skip, most=_LEFT_DIRTY)
    return [*(change.path for change in changes), *ignored]


STEPS: dict[Phase, PhaseStep] = {
    Phase.PREPARE: prepare,
    Phase.PLAN: run_plan,
    Phase.WORK: work,
    Phase.VERIFY: verify,
    Phase.REVIEW: run_review,
    Phase.CHECKPOINT: commit,
    Phase.INTEGRATE: integrate,
    Phase.RECORD: clean_up,
}
