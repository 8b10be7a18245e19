"""Complete a task: verified by its checks, or attested by a named person."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio
from pydantic import BaseModel, ConfigDict

from runr.errors import AlreadyRunningError, BlockedError, UsageError
from runr.execution import completion, loop, since_stop
from runr.execution.context import RunContext
from runr.execution.session_handoff import submit_session_work
from runr.git import merge
from runr.git.repo import Repo
from runr.lifecycle import attest, other_worktrees, shared_tree, statements
from runr.lifecycle.leases import exclusive, lease_conflict, take_over
from runr.lifecycle.runs import resume_run
from runr.next_steps import commands
from runr.next_steps.runs import while_running
from runr.next_steps.tasks import (
    CompletionFacts,
    after_completion,
    already_completed,
    uncompletable,
)
from runr.project import Project
from runr.query import presenters
from runr.query.detail import task_details
from runr.query.detail_models import CompletionResult, RunDetails
from runr.query.models import DEFAULT_TAIL
from runr.query.presenters import Holder
from runr.query.snapshot import Snapshot
from runr.runs import journal, stop_reasons
from runr.runs.events import NoteAdded, RunApproved, RunResumed
from runr.runs.machine import next_action
from runr.runs.model import Approval, Phase, RunState
from runr.status import store
from runr.status.model import Entry, State
from runr.storage.layout import RunFiles
from runr.tasks.model import Task, TaskType
from runr.text import readable_name
from runr.workers import process_tree
from runr.workers.interruption import InterruptedWorkError


class CompleteRequest(BaseModel):
    """Arguments of `complete_task`.

    `reason` and `by` attest the completion; `force` accepts it despite incomplete
    dependencies, failing checks and work that has not landed, `skip_checks` without running
    the checks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    reason: str | None = None
    by: str | None = None
    force: bool = False
    skip_checks: bool = False


def complete_task(project: Project, request: CompleteRequest) -> CompletionResult:
    """Complete the task, or return what failed.

    An open session run is verified, committed and recorded, and `reason` is a note; a run
    that waits for a person is continued; anything else is attested by `by` for `reason`, after
    the checks. Raises BlockedError, VerificationError, UsageError,
    AlreadyRunningError.
    """
    snapshot = Snapshot.of(project)
    task = project.find_task(request.task, snapshot.tasks)
    entry = snapshot.entry(task)
    state = current_run(project, entry)
    if is_own_work(project, state):
        _refuse_decision(project, task, request)
        word = None
    else:
        word = _word(project, task, request)
    if entry.status is State.COMPLETED and not snapshot.state_of(task).stale and not request.force:
        return _already(project, task, entry)
    store.ensure_writable(project.layout)
    state = _reopened(project, state, word)
    if state is not None and state.result is None:
        if request.skip_checks:
            _refuse_to_skip(task, state)
        note = None if word else request.reason
        return _answer(project, task, _finish(project, state, word, note, force=request.force))
    if state is not None and state.stop_reason in stop_reasons.FOR_A_PERSON and word is not None:
        return _answer(project, task, _continue(project, state, word))
    if word is None:
        raise _refuse_without_word(project, task, state)
    blockers, skip = snapshot.blockers(task), request.skip_checks
    unlanded = _unlanded_branch(project, entry)
    if unlanded and not request.force:
        raise _refuse_unlanded(task, entry, unlanded)
    said = attest.attest(
        project, task, blockers, word, force=request.force, skip=skip, unlanded=unlanded
    )
    return _answer(project, task, said, unlanded=unlanded)


def _refuse_without_word(project: Project, task: Task, state: RunState | None) -> UsageError:
    """Return why nothing completes the task: its run has stopped, or it has none."""
    has_stopped = state is not None and state.result == "stopped" and state.start.worker != "person"
    stopped = state if has_stopped else None
    if stopped:
        stop = stop_reasons.find(stopped.stop_reason or "error")
        why = f"run {stopped.id} of {task.name} has stopped ({stop.code}: {stop.meaning})"
    else:
        why = (
            f"{task.name} has no open run, so a person has to attest its completion, with a reason"
        )
    steps = uncompletable(
        task.path,
        manual=task.type is TaskType.MANUAL,
        run_steps=presenters.next_steps(stopped) if stopped else (),
    )
    return UsageError(why, next_steps=project.with_prerequisites(steps))


def _unlanded_branch(project: Project, entry: Entry) -> str | None:
    """Return the branch whose verified work of the task is not on the current one."""
    branch = entry.pending_branch
    return branch if branch and merge.is_left_out(project.repo, branch) else None


def _refuse_unlanded(task: Task, entry: Entry, branch: str) -> BlockedError:
    return BlockedError(
        f"verified work of {task.name} waits on {branch}: what depends on the task would start "
        "without it",
        next_steps=[
            commands.land(entry.last_run_id or ""),
            commands.attest(task.path, force=True).because("If it is completed without that work"),
        ],
    )


def is_own_work(project: Project, state: RunState | None) -> bool:
    """Tell whether an agent completes the open run of a session: its checks decide."""
    if state is None or not state.by_session or _person(project) is not None:
        return False
    return state.result is None or _is_abandoned_here(project, state)


def _refuse_decision(project: Project, task: Task, request: CompleteRequest) -> None:
    """Raise UsageError where an agent decides, as only a person does, on what it works on."""
    names = ("by", "force", "skip_checks")
    given = [name.replace("_", "-") for name in names if getattr(request, name)]
    if not given:
        return
    how = "--" if project.surface.is_shell else ""
    listed = " and ".join(f"`{how}{name}`" for name in given)
    raise UsageError(
        f"{listed}: the run of {task.name} is a session's own, so its checks decide, and "
        "no one declares it completed. Leave it out; a reason is recorded as a note",
        next_steps=[
            commands.complete(task.path),
            commands.attest(task.path)._replace(tool=None).because("If its checks cannot decide"),
        ],
    )


def _refuse_to_skip(task: Task, state: RunState) -> None:
    """Raise UsageError: the checks of an open run cannot be skipped."""
    raise UsageError(
        f"run {state.id} of {task.name} is open, and the checks are a part of it",
        next_steps=[commands.attest(task.path, force=True), commands.stop(state.id)],
    )


def _word(project: Project, task: Task, request: CompleteRequest) -> Approval | None:
    """Return the attestation; None where no reason is given."""
    if request.force or request.skip_checks:
        project.refuse_inside("only a person forces a completion or skips its checks")
    if request.reason is None or not request.reason.strip():
        for option, given in (("force", request.force), ("skip-checks", request.skip_checks)):
            if given:
                raise UsageError(
                    f"{option} requires a reason: it is recorded with the name of the person"
                )
        return None
    steps = [commands.attest(task.path, force=request.force)]
    return statements.build_attestation(project, request.reason, request.by, steps)


def current_run(project: Project, entry: Entry) -> RunState | None:
    """Return the run that a completion of the task would continue."""
    if entry.last_run_id is None or entry.status is State.COMPLETED:
        return None
    return journal.folded(project.layout.run(entry.last_run_id))


def _reopened(project: Project, state: RunState | None, word: Approval | None) -> RunState | None:
    """Resume the abandoned run of this session, which now completes it."""
    if state is None or word is not None or not _is_abandoned_here(project, state):
        return state
    resume_run(project, state.id)
    return journal.require(project.layout.run(state.id))


def _is_abandoned_here(project: Project, state: RunState) -> bool:
    session_id = project.environment.get(presenters.SESSION)
    left = state.by_session and state.stop_reason in ("abandoned", "usage_limit")
    return left and state.holder == session_id


def _finish(
    project: Project, state: RunState, word: Approval | None, note: str | None, *, force: bool
) -> RunState:
    """Verify the work of a session; commit and record it, or leave the run open."""
    if not state.by_session:
        raise AlreadyRunningError(
            f"run {state.id} is running on {state.start.task}: let it finish, or stop it first",
            next_steps=while_running(state.id),
        )
    other_worktrees.refuse_elsewhere(project, state)
    _ensure_can_commit(project, state)
    state = _take_over_if_gone(project, state)
    with _held(project, state) as context:
        if note and note.strip():
            said = NoteAdded(note.strip(), project.environment.get(presenters.SESSION))
            context.journal.append(said, source="session")
        if not _is_verified(state):
            base = shared_tree.base_of(project, context.workspace(state), state)
            submit_session_work(context, state, base, by=_person(project))
        state = anyio.run(loop.run_phases, context)
        waits = next_action(state).kind == "wait"
        asks = state.stop_reason == "no_checks" or state.outcome == "no_changes"
        if word and (asks or (waits and force)):
            _approve(context, state, word)
            state = anyio.run(loop.run_phases, context)
    return state


def _is_verified(state: RunState) -> bool:
    """Return whether a call that was killed had passed the checks: this one continues it."""
    if state.phase is Phase.CHECKPOINT:
        return state.phase_open or state.outcome == "ok"
    return state.phase in (Phase.INTEGRATE, Phase.RECORD)


def _take_over_if_gone(project: Project, state: RunState) -> RunState:
    """Return the run, taken over where its own session is gone; a person needs no takeover."""
    session_id = project.environment.get(presenters.SESSION)
    if session_id in (None, state.holder):
        return state
    before = Holder.of(project, state)
    if not before.is_gone:
        raise lease_conflict(project, state)
    return take_over(project, state, session_id, before.why)


def _person(project: Project) -> str | None:
    """Return the person who completes the run of a session; None where an agent does."""
    agent = presenters.SESSION in project.environment or statements.channel_of(project).client
    at_hand = project.surface.is_shell and not agent
    return (project.repo.user() or "a person") if at_hand else None


def _ensure_can_commit(project: Project, state: RunState) -> None:
    """Raise UsageError where the work would be committed elsewhere than the run was opened."""
    tree = Path(state.start.workdir)
    if not tree.is_dir():
        raise UsageError(
            f"run {state.id} works in {tree}, which does not exist",
            next_steps=[commands.stop(state.id)],
        )
    now, opened = Repo(tree).branch(), state.start.target
    there = () if tree == project.tree else ("-C", str(tree))
    if now != opened:
        back = (opened,) if opened else ("--detach", state.start.base_sha)
        switch = commands.git(*there, "switch", *back)
        switch = switch.in_words(f"switch {tree} back to {opened or state.start.base_sha}")
        raise UsageError(
            f"run {state.id} was opened on {opened or 'a detached HEAD'}, "
            f"and this is {now or 'a detached HEAD'}",
            next_steps=[switch, commands.stop(state.id)],
        )
    if unfinished := Repo(tree).operation():
        raise UsageError(
            f"a {unfinished} is in progress in {tree}: finish it, then complete the task",
            next_steps=[commands.git(*there, "status").in_words(f"finish the {unfinished}")],
        )


def _continue(project: Project, state: RunState, word: Approval) -> RunState:
    """Continue a run that waited for a person."""
    with _held(project, state) as context:
        found = since_stop.find(context, state)
        if found.left:
            project.warn(since_stop.describe(found))
        _approve(context, state, word, base_tree=found.base_tree if found.left else None)
        return anyio.run(loop.run_phases, context)


def _approve(
    context: RunContext, state: RunState, word: Approval | None, base_tree: str | None = None
) -> None:
    if word is not None:
        context.journal.append(RunApproved(*word), source="person")
    if state.result:
        context.journal.append(RunResumed(base_tree=base_tree))


@contextmanager
def _held(project: Project, state: RunState) -> Iterator[RunContext]:
    """Hold the lease of the run while this process executes it."""
    run = project.layout.run(state.id)
    with exclusive(run):
        # The process before may have been killed during a check.
        process_tree.end_marked(run.id)
        context = project.context(run)
        try:
            yield context
        except InterruptedWorkError:
            _record_interruption(context)
            raise


def _record_interruption(context: RunContext) -> None:
    """Note it in the open run of a session, which goes on; any other run stops."""
    if journal.require(context.files).by_session:
        context.journal.append(NoteAdded(attest.CANCELLED))
    else:
        completion.interrupt(context, attest.CANCELLED)


def _answer(
    project: Project, task: Task, state: RunState, *, unlanded: str | None = None
) -> CompletionResult:
    shown = task_details(task, Snapshot.of(project))
    run = presenters.holder_details(project, state, project.layout.run(state.id), tail=DEFAULT_TAIL)
    facts = _facts(task, state)._replace(unlanded=unlanded or "")
    return CompletionResult(
        task=shown,
        run=run,
        completed=state.result == "completed",
        next_steps=project.surface.lines(
            after_completion(facts, agent=not project.surface.is_shell)
        ),
    )


def _already(project: Project, task: Task, entry: Entry) -> CompletionResult:
    """Return the result for a completed task, whose run may be on another machine only."""
    shown = task_details(task, Snapshot.of(project))
    run = project.layout.run(entry.last_run_id or "")
    state = journal.state(run) if entry.last_run_id else None
    return CompletionResult(
        task=shown,
        run=_details(project, state, run) if state else None,
        completed=True,
        next_steps=project.surface.lines(already_completed(shown.why)),
    )


def _details(project: Project, state: RunState, run: RunFiles) -> RunDetails:
    return presenters.run_details(project, state, run, now=project.now())


def _facts(task: Task, state: RunState) -> CompletionFacts:
    unchanged = state.result is None and state.outcome == "no_changes"
    return CompletionFacts(
        path=task.path,
        run=state.id,
        completed=state.result == "completed",
        running=state.result is None,
        asks_changes=state.outcome == "changes",
        unchanged=state.detail or "" if unchanged else "",
        worktrees=_readable(other_worktrees.with_work(state)) if unchanged else (),
        mixed=state.outcome == "mixed_changes",
        violations=_readable(state.violations),
        left_dirty=_readable(state.left_dirty),
        is_empty=state.changed == 0,
        for_person=state.stop_reason in stop_reasons.FOR_A_PERSON,
        run_steps=presenters.next_steps(state),
    )


def _readable(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(readable_name, names))
