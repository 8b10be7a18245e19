"""Decisions of a person: approve or reject a run, acknowledge a stale completion."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from runr.errors import UnknownNameError, UsageError
from runr.execution import completion
from runr.lifecycle import attest, complete, statements
from runr.lifecycle.complete import CompleteRequest
from runr.lifecycle.leases import ensure_no_live_run, exclusive
from runr.next_steps import commands
from runr.next_steps.step import NextStep
from runr.project import Project
from runr.query import presenters
from runr.query.detail_models import CompletionResult, RunResult
from runr.query.models import Result
from runr.query.snapshot import Snapshot
from runr.query.task_state import TaskState
from runr.runs import journal, stop_reasons
from runr.runs.events import RunApproved, RunCompleted, RunRejected
from runr.runs.model import Approval, RunState
from runr.status import store
from runr.status.model import State
from runr.status.staleness import StaleTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeResult(Result):
    """The acknowledged completion and its `stale_reasons`."""

    task_path: str
    acknowledged_by: str
    reason: str
    stale_reasons: list[str]
    run_id: str


def acknowledge(
    project: Project, wanted: str, *, reason: str | None = None, by: str | None = None
) -> AcknowledgeResult:
    """Record that the stale completion of a task is still valid.

    Raises UsageError for a task that is not completed or not stale, for work
    that was reverted, inside a run, and where no person is named.
    """
    task_state, message = stale_itself(project, wanted)
    steps = [commands.acknowledge(task_state.path)]
    why = reason or f"still valid, though {'; '.join(message)}"
    word = statements.build_attestation(project, why, by, steps)
    target = project.repo.branch()
    with attest.open_person_run(
        project, task_state.task, kind="acknowledgement", target=target
    ) as context:
        context.journal.append(RunApproved(*word), source="person")
        state = context.journal.append(RunCompleted(), source="person")
        completion.write_status(context, state)
        completion.write_report(context, state)
    return AcknowledgeResult(
        task_path=task_state.path,
        acknowledged_by=word.signature,
        reason=word.reason,
        stale_reasons=message,
        run_id=state.id,
    )


def stale_itself(project: Project, wanted: str) -> tuple[TaskState, list[str]]:
    """Return the task and why it is stale; UsageError for one that cannot be acknowledged."""
    snapshot = Snapshot.of(project)
    task_state = snapshot.state_of(project.find_task(wanted, snapshot.tasks))
    _refuse(project, task_state)
    reasons = task_state.stale_reasons
    return task_state, [r.message for r in reasons if r.cause is not StaleTrigger.UPSTREAM]


def _refuse(project: Project, task_state: TaskState) -> None:
    project.refuse_inside("only a person acknowledges a completion")
    look = commands.why(task_state.path)
    if task_state.entry.status is not State.COMPLETED:
        raise UsageError(
            f"{task_state.task.name} is not completed, so there is nothing to acknowledge",
            next_steps=[look],
        )
    causes = {stale_reason.cause for stale_reason in task_state.stale_reasons}
    if StaleTrigger.REVERTED in causes:
        raise UsageError(
            f"the work of {task_state.task.name} was reverted, so it cannot be acknowledged",
            next_steps=[commands.run(task_state.path), look],
        )
    if not causes - {StaleTrigger.UPSTREAM}:
        before = (
            task_state.stale_reasons[0].message
            if task_state.stale_reasons
            else "nothing has changed since"
        )
        raise UsageError(f"{task_state.task.name} is not stale itself: {before}", next_steps=[look])


class Decision(BaseModel):
    """Arguments of `approve` and `reject`: the task or run, the reason, and the person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    reason: str
    by: str | None = None


def approve(project: Project, decision: Decision) -> CompletionResult:
    """Continue the run that waits for a person: its work is merged and recorded as attested."""
    state = awaiting(project, decision.about)
    word = _word(project, decision, commands.approve(state.start.task))
    request = CompleteRequest(task=state.start.task, reason=word.reason, by=word.by)
    return complete.complete_task(project, request)


def reject(project: Project, decision: Decision) -> RunResult:
    """Reject the run: the decision is recorded, and the next attempt receives the reason."""
    store.ensure_writable(project.layout)
    state = awaiting(project, decision.about, also=REJECTABLE)
    word = _word(project, decision, commands.reject(state.start.task))
    run = project.layout.run(state.id)
    with exclusive(run):
        context = project.context(run)
        state = context.journal.append(RunRejected(*word), source="person")
        completion.write_status(context, state)
        completion.write_report(context, state)
    shown = presenters.run_details(project, state, run, now=project.now())
    return RunResult(run=shown, next_steps=shown.next_steps)


#: Work that was approved and could not land can still be rejected.
REJECTABLE = stop_reasons.LANDABLE


def awaiting(project: Project, about: str, also: frozenset[str] = frozenset()) -> RunState:
    """Return the run that waits for a person, found by its task or its id; UsageError for none.

    `also` are further stops about which a person may decide.
    """
    project.refuse_inside("a worker does not approve or reject its own work")
    tasks, entries = project.tasks(), project.entries()
    try:
        path = project.find_task(about, tasks).path
    except UnknownNameError as unknown:
        path = _task_of(project, about, unknown)
    entry = entries.get(path)
    look = commands.status(path)
    if entry is None or entry.last_run_id is None:
        raise UsageError(
            f"no worker has run {path} yet, so there is nothing to decide", next_steps=[look]
        )
    state = journal.require(project.layout.run(entry.last_run_id))
    if state.result is None:
        ensure_no_live_run(project, entry)
    if state.result != "stopped" or state.stop_reason not in stop_reasons.FOR_A_PERSON | also:
        how = state.stop_reason or state.result or "running"
        raise UsageError(
            f"run {state.id} of {path} does not wait for a person ({how})", next_steps=[look]
        )
    return state


def _task_of(project: Project, about: str, unknown: UnknownNameError) -> str:
    try:
        run = journal.find(project.layout, about)
    except UnknownNameError as neither:
        # The id of a run begins with digits; anything else is the name of a task.
        raise (neither if about[:1].isdigit() and "-" in about else unknown) from None
    state = journal.require(run)
    if state.start.kind == "manual_commit":
        raise UsageError(
            f"run {state.id} is a manual commit, so there is nothing to decide",
            next_steps=[commands.report(state.id)],
        )
    entry = project.entries().get(state.start.task)
    if entry is None or entry.last_run_id != state.id:
        newer = entry.last_run_id if entry else None
        raise UsageError(
            f"run {state.id} is not the last one of {state.start.task}",
            next_steps=[commands.report(newer)] if newer else [],
        )
    return state.start.task


def _word(project: Project, decision: Decision, step: NextStep) -> Approval:
    if not decision.reason.strip():
        raise UsageError("a reason is required: it is recorded, and the next attempt receives it")
    return statements.build_attestation(project, decision.reason, decision.by, [step])
