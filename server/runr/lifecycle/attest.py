"""Attestations: the checks of the task first, then a run that records the person's decision."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import anyio

from runr.errors import BlockedError, VerificationError
from runr.execution import completion, run_hooks, verification
from runr.execution.context import RunContext
from runr.lifecycle.leases import next_sequence, record_spec
from runr.next_steps import commands
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.query.detail import unlanded_job
from runr.query.snapshot import Snapshot
from runr.runs import journal
from runr.runs.events import PhaseStarted, RunApproved, RunCompleted, RunStopped, VerifyFinished
from runr.runs.model import Approval, Phase, RunCreated, RunKind, RunState
from runr.status import store
from runr.storage import files, state_dir
from runr.tasks.model import Task
from runr.workers.interruption import InterruptedWorkError

#: What the record of a run says where its checks were ended.
CANCELLED = "the call was cancelled while the checks ran"


@contextmanager
def claim_for_person(project: Project) -> Iterator[RunContext]:
    """Create a run and hold its lease until the context is left."""
    state_dir.ensure_state_dir(project.layout)
    run = journal.claim(project.layout, project.clock(), project.suffixes)
    lock = files.hold(run.lock)
    try:
        yield project.context(run)
    finally:
        if lock is not None:
            os.close(lock)


@contextmanager
def open_person_run(
    project: Project,
    task: Task,
    *,
    kind: RunKind = "attempt",
    target: str | None = None,
    resets: str | None = None,
    override_reason: str | None = None,
    with_checks: bool = True,
) -> Iterator[RunContext]:
    """Open a run of a person on the task as it is now."""
    store.ensure_writable(project.layout)
    with claim_for_person(project) as context:
        spec = record_spec(project, context.files, task, project.config())
        head = project.repo.head() or ""
        created = RunCreated(
            task=task.path,
            worker="person",
            workdir=str(project.tree),
            base_sha=head,
            base_tree=head,
            spec=spec if with_checks else spec._replace(checks=()),
            kind=kind,
            in_place=True,
            target=target,
            override_reason=override_reason,
            resets=resets,
            sequence=next_sequence(project),
        )
        context.journal.append(created, source="person")
        yield context


def attest(
    project: Project,
    task: Task,
    blockers: Sequence[str],
    word: Approval,
    *,
    force: bool,
    skip: bool = False,
    unlanded: str | None = None,
) -> RunState:
    """Record the attested completion, unless a check fails.

    With `skip` the checks are recorded as skipped. `unlanded` is the branch with work of the task
    that the completion goes without.
    """
    if blockers and not force:
        raise BlockedError(
            f"{task.name} waits for {', '.join(blockers)}",
            next_steps=[
                _before(project, task),
                commands.attest(task.path, force=True),
            ],
        )
    forced = [f"open dependencies: {', '.join(blockers)}"] if blockers else []
    forced += [f"work on {unlanded} has not landed"] if unlanded else []
    with open_person_run(project, task, override_reason="; ".join(forced) or None) as context:
        return _record(task, context, word, force=force, skip=skip)


def _before(project: Project, task: Task) -> NextStep:
    """Return where the work is that a task waits for."""
    job = unlanded_job(project, Snapshot.of(project), task.path)
    return commands.job_land(job) if job else commands.list_tasks("--blocked")


def _record(
    task: Task, context: RunContext, word: Approval, *, force: bool, skip: bool
) -> RunState:
    state = _verify(context, skip=skip)
    if state.verification.result == "failed" and not force:
        context.journal.append(RunStopped("verification_failed"))
        failed = next(check for check in state.verification.checks if check.failed)
        raise VerificationError(
            f"{task.name} is not completed: `{failed.command}` failed\n{failed.tail[-1500:]}",
            next_steps=[commands.report(state.id), commands.attest(task.path, force=True)],
        )
    refusal = anyio.run(run_hooks.ask, context, state, "pre_complete")
    if refusal is not None and not force:
        context.journal.append(RunStopped("hook_refused", refusal))
        raise VerificationError(
            f"{task.name} is not completed: {refusal}",
            next_steps=[commands.report(state.id), commands.attest(task.path, force=True)],
        )
    context.journal.append(RunApproved(*word), source="person")
    state = context.journal.append(RunCompleted(), source="person")
    completion.write_status(context, state)
    completion.write_report(context, state)
    run_hooks.announce_end(context, state)
    return state


def _verify(context: RunContext, *, skip: bool) -> RunState:
    state = context.journal.append(PhaseStarted(Phase.VERIFY))
    checks = state.spec.checks
    if skip:
        results = [verification.unchecked(check) for check in checks]
    else:
        try:
            results = anyio.run(verification.run_checks, context, state, checks)
        except InterruptedWorkError:
            context.journal.append(RunStopped("stopped", CANCELLED))
            raise
    return context.journal.append(
        VerifyFinished(verification.verification_result(results), tuple(results))
    )


def record_attestation(project: Project, task: Task, word: Approval) -> RunState:
    """Record an attested completion without checks; its verification is `none`."""
    with open_person_run(project, task, with_checks=False) as context:
        context.journal.append(PhaseStarted(Phase.VERIFY))
        context.journal.append(VerifyFinished("none", ()))
        context.journal.append(RunApproved(*word), source="person")
        state = context.journal.append(RunCompleted(), source="person")
        completion.write_status(context, state)
        return state
